const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** `1.5 GiB`; below 1 KiB without a fraction. */
export function readableBytes(bytes: number): string {
  let value = bytes;
  let index = 0;
  // 1023.95 would be rounded to 1024.0, which is one of the next unit.
  while (value >= (index === 0 ? 1024 : 1023.95) && index < units.length - 1) {
    value /= 1024;
    index += 1;
  }
  return `${index === 0 ? value : value.toFixed(1)} ${units[index]}`;
}

/** `812.0 MiB/s` */
export function readableRate(bytesPerSecond: number): string {
  return `${readableBytes(Math.round(bytesPerSecond))}/s`;
}

/** `0s`, `59s`, `1m5s`, `2h3m`, `4d7h`: the two largest parts, as Go and kubectl write durations. */
export function readableDuration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3_600);
  const minutes = Math.floor((whole % 3_600) / 60);
  if (days > 0) return `${days}d${hours}h`;
  if (hours > 0) return `${hours}h${minutes}m`;
  return minutes > 0 ? `${minutes}m${whole % 60}s` : `${whole % 60}s`;
}

/**
 * `1,234`, of a whole number. Not by `toLocaleString`, whose tables take 11 ms to load: a tenth of a short copy.
 */
export function readableNumber(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `1,234 files`, `1 file`; `plural` where that is not the noun with an s */
export function readableCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${readableNumber(count)} ${count === 1 ? noun : plural}`;
}
