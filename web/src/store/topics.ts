// Announcements: something with this name changed, read it again. Facts are never carried, so nothing can be missed.

export class Topics {
  private readonly heard = new Map<string, Set<() => void>>();

  on(topic: string, fn: () => void): () => void {
    let set = this.heard.get(topic);
    if (!set) this.heard.set(topic, (set = new Set()));
    set.add(fn);
    return () => {
      set.delete(fn);
      if (set.size === 0) this.heard.delete(topic);
    };
  }

  emit(topic: string): void {
    for (const fn of [...(this.heard.get(topic) ?? [])]) fn();
  }
}
