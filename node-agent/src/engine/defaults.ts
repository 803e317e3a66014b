/** Bytes that one read or write of a large file moves where nobody says. */
export const defaultBufferBytes = 1024 ** 2;
