import { readFile, writeFile } from 'node:fs/promises';

/**
 * Adds to package-lock.json the optional packages that the registry did not have when it was written; afterwards
 * `npm install --package-lock-only` puts the entries into npm's order.
 *
 * Native tools come as one package for each platform, all of them optional. A registry mirror may hold those of its own
 * platform alone; `npm install` then leaves the others out of the lock file, and `npm ci` refuses that file everywhere. The
 * entries added here say no more than version and platform, which is all that npm needs to pass over them; a package without
 * integrity is never installed on the platforms SmartCopy runs on with glibc.
 */
const lockFile = new URL('../package-lock.json', import.meta.url);
const lock = JSON.parse(await readFile(lockFile, 'utf8'));

for (const { optionalDependencies = {} } of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    lock.packages[`node_modules/${name}`] ??= { version, optional: true, ...platformOf(name) };
  }
}
await writeFile(lockFile, `${JSON.stringify(lock, null, 2)}\n`);

/**
 * @param {string} name such as `@biomejs/cli-linux-x64-musl`
 * @throws {RangeError} when the name does not tell: an entry without a platform would be installed everywhere
 */
function platformOf(name) {
  const words = name.split(/[-/]/);
  const os = words.find((word) =>
    ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'].includes(word),
  );
  const cpu = words.find((word) =>
    ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'].includes(word),
  );
  if (os === undefined && cpu !== 'wasm32') throw new RangeError(`the platform of ${name} cannot be told from its name`);
  const libc = words.some((word) => word.startsWith('musl')) ? 'musl' : words.some((word) => word.startsWith('gnu')) ? 'glibc' : undefined;
  return Object.fromEntries(Object.entries({ os, cpu, libc }).flatMap(([key, value]) => (value === undefined ? [] : [[key, [value]]])));
}
