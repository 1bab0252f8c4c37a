// The lab's command, from tests.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Runs one command of the lab, such as lab('kill', 'b2'). */
export async function lab(...words: string[]): Promise<string> {
  const { stdout } = await run(process.env.LAB ?? 'switchback-lab', words, { timeout: 90_000 });
  return stdout;
}

/** Breaks something, runs `then`, and mends it again whatever happened. */
export async function during(breaking: string[], mending: string[], then: () => Promise<void>): Promise<void> {
  await lab(...breaking);
  try {
    await then();
  } finally {
    await lab(...mending);
  }
}
