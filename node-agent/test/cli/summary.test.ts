import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeLosses } from '../../src/cli/summary.ts';

test('copies that lost their owner or mode are said with their number and the reason', () => {
  assert.deepEqual(describeLosses({ ownersNotKept: 0, modesNotKept: 0 }), []);
  assert.deepEqual(describeLosses({ ownersNotKept: 1_200, modesNotKept: 1 }), [
    'warning: 1,200 copies without the owner or group of the source, and so without its setuid and setgid bits: giving files away needs privilege (CAP_CHOWN)',
    'warning: 1 copy without the mode of the source: the file system at the destination refused it',
  ]);
});
