// A console on a restored store: the page without which it does nothing.
import { execFile, spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { accessible, expect, pictures, signIn, test } from './support/console';

const work = process.env.SWITCHBACK_WORK ?? '';
const first = process.env.SWITCHBACK_URL ?? '';

/** Starts a second console on a backup of the first one's store, until `then` has ended. */
async function restored(then: (url: string) => Promise<void>): Promise<void> {
  const port = Number(new URL(first).port) + 40;
  const url = `http://127.0.0.1:${port}`;
  await promisify(execFile)(`${work}/switchback`, ['backup', `${work}/restored.db`, '--config', `${work}/switchback.toml`]);
  const config = (await readFile(`${work}/switchback.toml`, 'utf8'))
    .replace(/^listen = .*/m, `listen = "127.0.0.1:${port}"`)
    .replace(/^public_url = .*/m, `public_url = "${url}"`)
    .replace(/^url = "sqlite:.*/m, `url = "sqlite:${work}/restored.db"`);
  await writeFile(`${work}/restored.toml`, config);
  const console = spawn(`${work}/switchback`, ['serve', '--config', `${work}/restored.toml`, '--site', `${work}/site`], { stdio: ['ignore', 'pipe', 'ignore'] });
  try {
    await new Promise<void>((listens, fails) => {
      console.stdout.on('data', (text) => String(text).includes('Switchback: ') && listens());
      console.on('exit', (code) => fails(new Error(`the second console ended with ${code}`)));
    });
    await then(url);
  } finally {
    console.kill('SIGTERM');
  }
}

test('on the page of a restored store both sides stand beside each other, and a forgotten fence can be added', async ({ browser }) => {
  test.setTimeout(120_000);
  await restored(async (baseURL) => {
    const context = await browser.newContext({ baseURL, locale: 'en-GB' });
    const page = await context.newPage();
    await signIn(page);
    await page.goto('/pools/chat-core');
    await page.getByRole('link', { name: 'Compare and confirm…' }).click();
    await expect(page.getByRole('heading', { name: 'Restored store: chat-core' })).toBeVisible();
    await expect(page.getByRole('cell', { name: /^Accepts writes/ })).toBeVisible({ timeout: 10_000 });
    // Only of a site that is not the active one.
    await expect(page.getByRole('checkbox', { name: /must not come back as active/ })).toHaveCount(1);
    for (const problem of ['', '?problem=fences_all']) {
      await page.goto(`/pools/chat-core/restored${problem}`);
      for (const colorScheme of ['light', 'dark'] as const) {
        for (const width of [1440, 390]) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 900 });
          await accessible(page);
          expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${width} px`).toBeLessThanOrEqual(0);
        }
      }
    }
    await pictures(page, 'restored');
    // Nobody confirms without saying how they know.
    await page.getByRole('button', { name: 'Confirm, and let the console act again' }).click();
    await expect(page).toHaveURL(/\/restored/);
    await context.close();
  });
});
