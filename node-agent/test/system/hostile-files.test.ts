import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Chance, chanceFor } from '../../../test/support/chance.ts';
import { oneOf, textNear } from '../../../test/support/made-text.ts';
import { readCpuLimit, readMemoryLimit } from '../../src/system/control-groups.ts';
import { readCpuDetails } from '../../src/system/cpu-details.ts';
import { parseCpuList } from '../../src/system/cpu-list.ts';
import { readCpus, usableCpuCount } from '../../src/system/cpus.ts';
import { HostFiles } from '../../src/system/host-files.ts';
import { readMemory } from '../../src/system/memory.ts';
import { mountIdIn, readMounts } from '../../src/system/mounts.ts';
import { chooseThreadCount } from '../../src/system/thread-count.ts';

/** A /proc and /sys in which every file that is asked for says this. */
class MadeHost extends HostFiles {
  readonly #textOf: (path: string) => string | undefined;

  constructor(textOf: (path: string) => string | undefined) {
    super('/');
    this.#textOf = textOf;
  }

  override text(path: string): string | undefined {
    return this.#textOf(path);
  }
}

const mountLines = [
  '30 23 0:27 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate',
  '33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
  '40 31 0:29 /docker/abc /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
  '1 0 259:2 / /mnt/two\\040words rw,relatime shared:1 - ext4 /dev/nvme0n1p2 rw,discard',
].join('\n');
const lists = ['0-3,8', '0', '0-7', '4-2', '0-4294967295', ''];
const examples: readonly (readonly [path: RegExp, texts: readonly string[]])[] = [
  [/mountinfo$/, [mountLines]],
  [/cgroup$/, ['0::/pods/pod1', '4:memory:/batch/job\n3:cpu,cpuacct:/docker/abc\n1:name=systemd:/x', '0::/../../x']],
  [/cpu\.max$/, ['max 100000', '150000 100000', '0 0', '1e999 1', '5e-324 1e308']],
  [/(quota_us|period_us|memory\.max|limit_in_bytes)$/, ['-1', '100000', 'max', '9223372036854771712', '0']],
  [/status$/, lists.map((list) => `Name:\tnode\nCpus_allowed_list:\t${list}`)],
  [/(online|cpulist)$/, lists],
  [/meminfo$/, ['MemTotal:       16384 kB\nMemAvailable:    8192 kB']],
  [/cpuinfo$/, ['model name\t: Some CPU\nflags\t\t: fpu avx2']],
];

function madeHost(chance: Chance): HostFiles {
  const files = new Map<string, string | undefined>();
  return new MadeHost((path) => {
    const texts = examples.find(([pattern]) => pattern.test(path))?.[1] ?? ['0', 'x'];
    if (!files.has(path)) files.set(path, chance.fraction() < 0.1 ? undefined : textNear(chance, texts));
    return files.get(path);
  });
}

test('whatever the files of the kernel hold, a copy has threads and limits are numbers', (t) => {
  const chance = chanceFor(t);
  let limitCount = 0;
  for (let round = 0; round < 600; round += 1) {
    const host = madeHost(chance);
    const cpus = readCpus(host);
    assert.ok(usableCpuCount(cpus) >= 1 && Number.isInteger(chooseThreadCount(cpus)), JSON.stringify(cpus));
    const mounts = readMounts(host);
    for (const limit of [readCpuLimit(host, mounts), readMemoryLimit(host, mounts)]) {
      if (limit === undefined) continue;
      limitCount += 1;
      assert.ok(Number.isFinite(limit.value) && limit.value >= 0, JSON.stringify(limit));
    }
    const memory = readMemory(host);
    assert.ok(
      [memory.totalBytes ?? 0, memory.availableBytes ?? 0].every((bytes) => bytes >= 0),
      JSON.stringify(memory),
    );
    readCpuDetails(host);
  }
  assert.ok(limitCount > 60, `only ${limitCount} limits were found`);
});

test('any list of CPUs is numbers that the kernel could give', (t) => {
  const chance = chanceFor(t);
  for (let round = 0; round < 500; round += 1) {
    const list = textNear(chance, lists);
    for (const cpu of parseCpuList(list)) assert.ok(Number.isInteger(cpu) && cpu >= 0 && cpu < 65_536, list);
  }
});

test('CPUs written as the kernel writes them are read as they are', (t) => {
  const chance = chanceFor(t);
  for (let round = 0; round < 600; round += 1) {
    const cpus = Array.from({ length: 64 }, (_, cpu) => cpu).filter(() => chance.fraction() < 0.7);
    const ranges: [number, number][] = [];
    for (const cpu of cpus) {
      const last = ranges.at(-1);
      if (last !== undefined && last[1] === cpu - 1) last[1] = cpu;
      else ranges.push([cpu, cpu]);
    }
    const list = ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
    assert.deepEqual(parseCpuList(`${list}\n`), cpus);
  }
});

test('any line of mountinfo is a mount with numbers, or none', (t) => {
  const chance = chanceFor(t);
  let mountCount = 0;
  for (let round = 0; round < 3_000; round += 1) {
    const text = textNear(chance, [mountLines]);
    const mounts = readMounts(new MadeHost(() => text));
    mountCount += mounts.length;
    for (const mount of mounts) {
      const numbers = [mount.id, mount.device.major, mount.device.minor];
      assert.ok(
        numbers.every((number) => Number.isSafeInteger(number) && number >= 0),
        JSON.stringify(mount),
      );
    }
    const id = mountIdIn(textNear(chance, ['pos:\t0\nflags:\t012000000\nmnt_id:\t29\nino:\t2']));
    assert.ok(id === undefined || id >= 0);
  }
  assert.ok(mountCount > 3_000, `only ${mountCount} mounts were found`);
});

test('a mount point of any name is read as what it is', (t) => {
  const chance = chanceFor(t);
  const parts = [' ', '\t', '\n', '\\', '#', '-', ' - ', 'a', '/', '\\040', 'ä', '😀', ':'];
  // As the kernel's mangle() writes them.
  const encode = (text: string) => text.replace(/[ \t\n\\#]/g, (odd) => `\\${odd.charCodeAt(0).toString(8).padStart(3, '0')}`);
  for (let round = 0; round < 3_000; round += 1) {
    const [mountPoint, source] = [0, 0].map(() => `/${Array.from({ length: chance.index(6) }, () => oneOf(chance, parts)).join('')}`);
    const line = `7 1 8:1 / ${encode(mountPoint ?? '')} rw - ext4 ${encode(source ?? '')} rw`;
    const [mount] = readMounts(new MadeHost(() => line));
    assert.deepEqual([mount?.mountPoint, mount?.source], [mountPoint, source]);
  }
});
