import { join } from 'node:path';
import process from 'node:process';
import { cached } from './cache.mjs';
import { unpackedPackage } from './debian-package.mjs';
import { SetUpError, step } from './report.mjs';
import { findProgram, runTool } from './tools.mjs';

/**
 * The programs that `npm run bench` compares with, each a kind of its own, so that the lack of one leaves the others. test/bench/peers.ts
 * starts them.
 * @type {readonly import('./test-programs.mjs').Kind[]}
 */
export const benchPeers = [
  fromDebian({ name: 'rsync' }),
  fromDebian({ name: 'rclone' }),
  fromDebian({ name: 'parallel' }),
  fromDebian({ name: 'fpsync', debianPackage: 'fpart', programs: ['fpsync', 'fpart'] }),
  fromDebian({ name: 'xxhsum', debianPackage: 'xxhash' }),
  fromDebian({ name: 'b3sum' }),
  fromDebian({ name: 'openssl' }),
  fromDebian({ name: 'time' }),
  fromCargo('cpz', '3.2.1'),
  fromCargo('xcp', '0.24.9'),
];

/**
 * The host's own, else Debian's package, unpacked and not installed.
 * @param {{ name: string, debianPackage?: string, programs?: readonly string[] }} peer
 * @returns {import('./test-programs.mjs').Kind}
 */
function fromDebian({ name, debianPackage = name, programs = [name] }) {
  return {
    name,
    async bring() {
      const installed = programs.flatMap((program) => findProgram([program]) ?? []);
      if (installed.length === programs.length) return installed;
      const root = await unpackedPackage({ debianPackage, what: name, otherwise: `comparing with ${name} needs ${name}: install it` });
      return programs.map((program) => join(root, 'usr/bin', program));
    },
  };
}

/**
 * Built once from its crate, in exactly this version with exactly the dependencies its makers chose: times of another one could
 * not be compared with what the docs say.
 * @param {string} crate
 * @param {string} version
 * @returns {import('./test-programs.mjs').Kind}
 */
function fromCargo(crate, version) {
  return {
    name: crate,
    async bring() {
      const root = await cached({ kind: 'builds', name: `${crate}-${version}-${process.arch}` }, async (folder) => {
        const cargo = findProgram(['cargo']);
        if (cargo === undefined) throw new SetUpError(`${crate} cannot be built, for this host has no cargo: install Rust`);
        const command = /** @type {const} */ ([cargo, 'install', '--locked', '--root', folder, `${crate}@${version}`]);
        await step(`building ${crate} ${version}, which takes minutes, but only once`, () =>
          // `--locked` names every dependency; the user's own settings (registry, number of jobs) are the environment's.
          runTool(command, { log: `build-${crate}`, failure: `${crate} ${version} could not be built` }),
        );
      });
      return [join(root, 'bin', crate)];
    },
  };
}
