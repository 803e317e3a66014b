import { parentPort } from 'node:worker_threads';
import { errorCode } from '../errors.ts';
import type { DirectoryAnswer } from './directory-looks.ts';
import { HostFiles } from './host-files.ts';
import { lookAtDirectory } from './look-at-directory.ts';

// A thread that looks at one directory after the other, as DirectoryLooks asks it to. It says once that it is there.

const host = new HostFiles('/');

parentPort?.on('message', (path: string) => parentPort?.postMessage(answer(path)));
parentPort?.postMessage('ready');

function answer(path: string): DirectoryAnswer {
  try {
    return { kind: 'there', facts: lookAtDirectory(path, host) };
  } catch (error) {
    return { kind: 'absent', code: errorCode(error) };
  }
}
