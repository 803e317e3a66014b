import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { test } from 'node:test';
import type { AssignmentSpec } from '@smartcopy/crds';
import { answerOf, assignmentOf, Node, untilState } from './held-copies.ts';

const { source, destination } = assignmentOf().spec;

const cases: readonly (readonly [name: string, ends: Partial<AssignmentSpec>, reason: string, message: string])[] = [
  ['a source that is not there', { source: { ...source, path: 'no/such' } }, 'SourceNotFound', 'the source data:no/such does not exist'],
  [
    'a source below what the policy opens that is not there',
    { source: { ...source, subPath: 'tenant', path: 'such' } },
    'SourceNotFound',
    'the source data:such does not exist',
  ],
  [
    "a policy's directory that is not there",
    { source: { ...source, subPath: 'no/tenant', path: 'run42' } },
    'SourceNotFound',
    "the directory that the policy opens as 'data' does not exist on the node",
  ],
  [
    'a file below a file',
    { source: { ...source, subPath: 'tenant', path: 'file/below' } },
    'SourceNotFound',
    'the source data:file/below does not exist',
  ],
  [
    'a file in the place of a root',
    { source: { ...source, path: 'tenant/file' }, destination: { ...destination, path: '' } },
    'TypeConflict',
    'the source is a file, which cannot take the place of a root; name a file in spec.destination.nodePath.path',
  ],
  [
    'a link on the way to the destination',
    { destination: { ...destination, subPath: 'tenant', path: 'link/copy' } },
    'PathEscape',
    'nothing was copied: archive:link: a symbolic link there leads out of the tree, or stands instead of a directory; it was not followed, remove it if it does not belong there (openat2: ELOOP)',
  ],
  [
    "a link in the policy's directory",
    { destination: { ...destination, subPath: 'tenant/link', path: 'copy' } },
    'PathEscape',
    "nothing was copied: the directory that the policy opens as 'archive': a symbolic link there leads out of the tree, or stands instead of a directory; it was not followed, remove it if it does not belong there (openat2: ELOOP)",
  ],
  [
    'a copy into itself',
    { destination: { ...source, path: 'tenant/inside' } },
    'DestinationInsideSource',
    'refused: the destination lies inside the source',
  ],
];
for (const [name, ends, reason, message] of cases) {
  test(`${name} fails with a sentence in the words of the job`, async (t) => {
    const node = await Node.make(t, { tenant: { file: '1' } });
    mkdirSync(node.path('archive/tenant'));
    symlinkSync('/tmp', node.path('archive/tenant/link'));
    const assignments = await node.load();
    await assignments.apply(answerOf([assignmentOf(ends)]), node.clock.nowMs());
    const { outcome, startedForMs } = await untilState(assignments, 'Failed');
    assert.deepEqual(outcome, { reason, message });
    assert.equal(startedForMs, 0);
    assert.ok(!JSON.stringify(assignments.reports()).includes(node.folder), 'no path of the node is told');
    assert.equal(existsSync('/tmp/copy'), false);
  });
}
