import { randomInt } from "node:crypto";

const ADJECTIVES = `
  able agile amber ample apt avid bold brave bright brisk calm candid careful cheerful civil clear clever cosy crisp
  curious daring deft eager early earnest easy fair famous fast fervent fine firm fleet fond frank free fresh friendly
  gentle glad golden good graceful grand happy hardy hearty honest hopeful humble jolly jovial keen kind lively loyal
  lucid lucky mellow merry mighty mild modest neat nimble noble patient peaceful plucky polite proud prudent quick
  quiet rapid ready serene sharp silent smart snug sober solid spry stable steady stoic sunny swift tender thrifty
  tidy tranquil trusty upbeat valiant vivid warm wise witty zealous`
  .trim()
  .split(/\s+/);

const SURNAMES = `
  abel ampere archimedes babbage backus bardeen bernoulli bohr boole borg brahe cantor carson cerf chandrasekhar clarke
  codd cori cray curie darwin diffie dijkstra dirac easley einstein elion engelbart erdos euclid euler faraday fermat
  fermi feynman fibonacci franklin galileo galois gauss germain goedel goldberg goodall haibt hamilton hawking hertz
  hilbert hodgkin hopper hoover hypatia jackson jang jennings jepsen johnson joliot jones kalam kare keller kepler
  khayyam kilby kirch knuth kowalevski lamarr lamport leakey leavitt liskov lovelace lumiere mayer mccarthy mcclintock
  meitner mendel mendeleev mirzakhani moore morse nash newton nightingale nobel noether noyce pascal pasteur payne
  perlman pike poincare ptolemy raman ramanujan ride ritchie rubin sammet shannon shaw snyder stonebraker swanson
  tesla thompson torvalds turing vaughan villani volhard wescoff wiles wilson wing wozniak wright yalow yonath`
  .trim()
  .split(/\s+/);

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? "";
}

const PLAIN_ATTEMPTS = 6;

/** `adjective_surname` that nobody has; a number is added when plain ones keep being taken. */
export function randomName(isTaken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt += 1) {
    const name = `${pick(ADJECTIVES)}_${pick(SURNAMES)}${attempt < PLAIN_ATTEMPTS ? "" : randomInt(attempt)}`;
    if (!isTaken(name)) return name;
  }
}
