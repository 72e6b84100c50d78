// What words.mjs gives to tests.
export function files(): string[];
export function scan(path: string): { keys: { key: string; many: boolean }[]; bare: { key: string }[] };
export function cover(): { keys: Map<string, { key: string; one?: string; many: boolean }>; welsh: Record<string, unknown>; missing: { key: string; many: boolean }[]; stale: string[] };
