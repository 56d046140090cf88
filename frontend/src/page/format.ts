/** Numbers as people read them: short, with their unit, and of the same width from one second to the next. Pure. */

const GROUPS = /\B(?=(\d{3})+(?!\d))/g;

/** 12,345 */
export function count(value: number): string {
  return String(Math.round(value)).replace(GROUPS, ",");
}

/** 1 message, 2 messages */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

/** Per second: one decimal below ten, none above. */
export function rate(value: number): string {
  return value > 0 && value < 10 ? value.toFixed(1) : count(value);
}

/** Seconds as 85 µs, 1.2 ms, 350 ms, 4.2 s, 3 min 20 s, 2 h 5 min, 3 d 4 h. */
export function seconds(value: number): string {
  if (value < 0.000_999_5) return `${Math.round(value * 1e6)} µs`;
  if (value < 0.999_5) return `${value < 0.01 ? (value * 1e3).toFixed(1) : Math.round(value * 1e3)} ms`;
  if (value < 60) return `${value < 10 ? value.toFixed(1) : Math.floor(value)} s`;
  if (value < 3600) return pair(value, 60, "min", 1, "s");
  return value < 86_400 ? pair(value, 3600, "h", 60, "min") : pair(value, 86_400, "d", 3600, "h");
}

/** 512 B, 1.5 KiB, 42 MiB, 3.1 GiB */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let scaled = value;
  let unit = 0;
  for (; scaled >= 1024 && unit < units.length - 1; unit += 1) scaled /= 1024;
  return `${unit > 0 && scaled < 10 ? scaled.toFixed(1) : Math.round(scaled)} ${units[unit]}`;
}

/** Unix seconds as the reader's own clock shows them. */
export function clock(ts: number): string {
  return new Date(ts * 1000).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hour12: false,
  });
}

function pair(value: number, large: number, largeName: string, small: number, smallName: string): string {
  const whole = Math.floor(value / large);
  const rest = Math.floor((value % large) / small);
  return rest === 0 ? `${whole} ${largeName}` : `${whole} ${largeName} ${rest} ${smallName}`;
}
