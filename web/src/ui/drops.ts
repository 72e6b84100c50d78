// Where files go that are dropped on the window: to the conversation that is open, or nowhere.

export const drops: { take: ((files: File[]) => void) | null } = { take: null };
