// Passing words at the foot of the screen. Never for anything that must be acted on.

interface Note { id: number; words: string }

class Toast {
  notes = $state<Note[]>([]);
  private next = 1;

  say(words: string, ms = 6000): void {
    const note = { id: this.next++, words };
    this.notes = [...this.notes.filter((n) => n.words !== words).slice(-2), note]; // the same words once
    setTimeout(() => { this.notes = this.notes.filter((n) => n.id !== note.id); }, ms);
  }
}

export const toast = new Toast();
