/** Who this tab is in the conversation. */

const COLOURS = ["Amber", "Coral", "Indigo", "Jade", "Mint", "Ochre", "Plum", "Ruby", "Sage", "Teal"];
const ANIMALS = ["Badger", "Falcon", "Heron", "Lynx", "Marten", "Otter", "Puffin", "Raven", "Stoat", "Wren"];

/** Two words out of a hundred pairs; `random` in [0, 1). Pure. */
export function nameOf(random: number): string {
  const number = Math.floor(random * COLOURS.length * ANIMALS.length);
  return `${COLOURS[number % COLOURS.length]} ${ANIMALS[Math.floor(number / COLOURS.length)]}`;
}
