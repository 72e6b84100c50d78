// Words that one screen gives to the next. They stay in memory: an address may hold nothing that was said.

let words = '';

export function handOver(text: string): void {
  words = text;
}

export function takeOver(): string {
  const w = words;
  words = '';
  return w;
}
