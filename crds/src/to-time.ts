/** RFC 3339 in whole seconds, as Kubernetes writes times. @param ms since 1970 */
export function toTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}
