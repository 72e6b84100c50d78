// Voice notes that were spoken and neither sent nor thrown away: they wait, in memory only, until their conversation is opened again.

import type { Recording } from '../device/recorder';

export const unsent = new Map<string, Recording>();
