import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { KubeConfig, loadYaml, type User } from '@kubernetes/client-node';
import { z } from 'zod';
import { OperatorError } from '../errors.ts';

/** The credentials cannot be read; the message says from where they were to come. */
export class KubeConfigError extends OperatorError {
  constructor(message: string, cause?: unknown) {
    super('SC_KUBE_CONFIG', message, { cause });
  }
}

/**
 * Where the API server is and how to be known there: from a kubeconfig, or from what every pod is given.
 * Token files are read for every request: the kubelet puts a new token into them long before the old one ends.
 * @throws KubeConfigError
 */
export async function loadKubeConfig(file: string | undefined): Promise<KubeConfig> {
  const config = new KubeConfig();
  config.addAuthenticator(tokenFileAuthenticator);
  if (file === undefined) {
    config.loadFromCluster();
    // The address is made of two variables that only a pod has.
    if (!URL.canParse(config.getCurrentCluster()?.server ?? '')) {
      throw new KubeConfigError('this process is in no pod, so it has no credentials; name a kubeconfig with --kubeconfig');
    }
    config.users = config.users.map((user) => readingTokenFile(user, inClusterUser.parse(user).authProvider.config.tokenFile));
    return config;
  }
  const tokenFiles = await loadFile(config, file);
  config.users = config.users.map((user) => readingTokenFile(user, tokenFiles.get(user.name)));
  return config;
}

/** @returns the token file of each user that has one; the library does not know `tokenFile` */
async function loadFile(config: KubeConfig, file: string): Promise<ReadonlyMap<string, string>> {
  try {
    const folder = dirname(resolve(file));
    const text = await readFile(file, 'utf8');
    config.loadFromString(text);
    config.makePathsAbsolute(folder);
    const { users } = kubeconfig.parse(loadYaml<unknown>(text));
    return new Map(users.flatMap(({ name, user }) => (user?.tokenFile === undefined ? [] : [[name, resolve(folder, user.tokenFile)]])));
  } catch (error) {
    throw new KubeConfigError(`kubeconfig ${file}: ${error instanceof Error ? error.message : String(error)}`, error);
  }
}

const kubeconfig = z.object({
  users: z
    .array(z.object({ name: z.string(), user: z.object({ tokenFile: z.string().optional() }).nullish() }))
    .nullish()
    .transform((users) => users ?? []),
});

const inClusterUser = z.object({ authProvider: z.object({ config: z.object({ tokenFile: z.string() }) }) });

const tokenFileProvider = z.object({ name: z.literal('smartcopy-token-file'), config: z.object({ file: z.string() }) });

/** A token file goes before a token, as in every Kubernetes client. */
function readingTokenFile(user: User, file: string | undefined): User {
  if (file === undefined) return user;
  const { token: _, ...rest } = user;
  return { ...rest, authProvider: { name: 'smartcopy-token-file', config: { file } } satisfies z.infer<typeof tokenFileProvider> };
}

const tokenFileAuthenticator: Parameters<KubeConfig['addAuthenticator']>[0] = {
  isAuthProvider: (user) => tokenFileProvider.safeParse(user.authProvider).success,
  applyAuthentication: async (user, options) => {
    const { file } = tokenFileProvider.parse(user.authProvider).config;
    const token = (await readFile(file, 'utf8')).trim();
    options.headers = { ...options.headers, Authorization: `Bearer ${token}` };
  },
};
