/** The numbers of a list as the kernel writes them: `0-3,8` is five CPUs. Empty for an empty list. */
export function parseCpuList(list: string): readonly number[] {
  if (list.trim() === '') return [];
  return list
    .trim()
    .split(',')
    .flatMap((range) => {
      const [first = 0, last = first] = range.split('-').map(Number);
      return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
    });
}
