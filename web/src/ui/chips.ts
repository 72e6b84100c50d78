// inView brings the chosen chip of a row that runs off the side of a narrow screen into view, also when the screen is turned. It is an
// attachment of the row, made anew with what is chosen: {@attach inView(part)}. Only the row moves; scrollIntoView would move the screen
// behind it as well.

export function inView(_chosen: unknown): (row: HTMLElement) => () => void {
  return (row) => {
    const sized = new ResizeObserver(() => {
      const chip = row.querySelector<HTMLElement>('[aria-pressed="true"]');
      if (!chip) return;
      const at = chip.getBoundingClientRect();
      const seen = row.getBoundingClientRect();
      if (at.left < seen.left || at.right > seen.right) row.scrollLeft += at.left + at.width / 2 - (seen.left + seen.width / 2);
    });
    sized.observe(row); // which it also tells of at once
    return () => sized.disconnect();
  };
}
