// The one account of the tests.
export const LOGIN = 'mira.okafor';
export const PASSWORD = 'a long road with many bends';
