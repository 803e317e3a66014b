/** Far above what the kernel can number; a list that is not the kernel's own must not fill the memory. */
const highestNumber = 65_535;

/** The numbers of a list as the kernel writes them: `0-3,8` is five CPUs. Empty for an empty list; what is no number or range is left out. */
export function parseCpuList(list: string): readonly number[] {
  return list
    .trim()
    .split(',')
    .flatMap((range) => {
      const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
      const begin = Number(first);
      const count = Math.min(Number(last), highestNumber) - begin + 1;
      return count > 0 ? Array.from({ length: count }, (_, index) => begin + index) : [];
    });
}
