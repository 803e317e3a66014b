import { binding } from './binding.ts';

/** What happened when a ring was really made. Seccomp profiles refuse it with EPERM or ENOSYS; both are normal in containers. */
export type IoUringProbe =
  | {
      readonly available: true /** IORING_FEAT_* bits. */;
      readonly features: number /** IORING_OP_* codes offered. */;
      readonly operationCount: number;
    }
  | { readonly available: false; readonly errno: string };

/** Makes an io_uring and closes it again. */
export function probeIoUring(): IoUringProbe {
  return binding.probeIoUring();
}
