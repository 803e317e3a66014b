import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';

/**
 * Where the set-up (toolchain/test-programs.mjs) leaves the programs that it brought for tests: a folder for each kind, with the
 * programs or with a file `lacking` that says why there are none.
 */
export const broughtFolder = join(import.meta.dirname, '..', '..', 'node_modules', '.smartcopy-programs');

export type KubernetesProgram = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kubectl';
const kubernetesPrograms: readonly KubernetesProgram[] = ['etcd', 'kube-apiserver', 'kube-controller-manager', 'kubectl'];

/** KUBEBUILDER_ASSETS counts here too, for a single test file that is run without the set-up. */
const { KUBEBUILDER_ASSETS: assets } = process.env;
const kubernetesFolder = assets ? resolve(assets) : join(broughtFolder, 'kubernetes');

/** The path of one of the programs of a control plane; call it where `lacksControlPlane` is false. */
export function kubernetesProgram(name: KubernetesProgram): string {
  return join(kubernetesFolder, name);
}

/** Why a test that needs a control plane cannot run here, for its `skip`; false when it can. */
export function lacksControlPlane(): string | false {
  return lacks(kubernetesFolder, kubernetesPrograms);
}

/** The path of promtool; call it where `lacksPromtool` is false. */
export function promtool(): string {
  return join(broughtFolder, 'promtool', 'promtool');
}

/** Why a test that needs promtool cannot run here, for its `skip`; false when it can. */
export function lacksPromtool(): string | false {
  return lacks(join(broughtFolder, 'promtool'), ['promtool']);
}

function lacks(folder: string, programs: readonly string[]): string | false {
  const missing = programs.filter((name) => !existsSync(join(folder, name)));
  if (missing.length === 0) return false;
  const reason = join(folder, 'lacking');
  return existsSync(reason)
    ? readFileSync(reason, 'utf8')
    : `${folder} holds no ${missing.join(' and no ')}; the set-up of \`npm test\` brings them`;
}
