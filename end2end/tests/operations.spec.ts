// Operations from the console on the real lab: through the dialog to the end, seen by others, without scripts, and accessible.
import type { Page } from '@playwright/test';
import { accessible, expect, live, pictures, signIn, test } from './support/console';

const POOL = '/pools/chat-core';
/** The sentence at the top of an operation's page, named after its stage. */
const stage = (page: Page, word: string) => page.getByRole('region', { name: new RegExp(`^${word}`) });

/** Waits until nothing stands in the way of a plan, whose page is opened anew until then. */
async function openPlan(page: Page, kind: string): Promise<void> {
  await expect(async () => {
    await page.goto(`${POOL}/plan/${kind}`);
    await expect(page.getByText('This cannot be started now')).toHaveCount(0, { timeout: 500 });
  }).toPass({ timeout: 120_000 });
}

async function everyLook(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const width of [1440, 390]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      await accessible(page);
      expect(await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth), `${width} px`).toBeLessThanOrEqual(0);
    }
  }
  await pictures(page, name);
}

test('a switchover through the dialog ends in Done, and a second viewer sees it within a second', async ({ page, browser }) => {
  await signIn(page);
  await openPlan(page, 'switchover');
  const button = page.getByRole('button', { name: 'Switch over to dc-b' });
  await expect(button).toHaveAttribute('aria-disabled', 'true');
  await page.getByLabel('Reason').fill('Cooling maintenance');
  await page.getByLabel('Type the pool: chat-core').fill('chat-core');
  await page.getByLabel('Type the target site: dc-b').fill('dc-a');
  await expect(page.getByText('That is the other site. Type dc-b.')).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page, 'Enter begins nothing').toHaveURL(/plan\/switchover/);
  await page.getByLabel('Type the target site: dc-b').fill('dc-b');
  await expect(button).not.toHaveAttribute('aria-disabled', 'true');

  const context = await browser.newContext({ storageState: await page.context().storageState(), baseURL: process.env.SWITCHBACK_URL });
  const other = await context.newPage();
  await other.goto(POOL);
  await live(other);
  await button.click();
  await expect(page).toHaveURL(/\/operations\/op-\d+/);
  await expect(other.getByRole('link', { name: /^Open op-/ })).toBeVisible({ timeout: 1_000 });
  await other.goto(page.url());
  await expect(stage(page, 'Done')).toBeVisible({ timeout: 90_000 });
  await expect(stage(other, 'Done')).toBeVisible({ timeout: 1_000 });
  await expect(page.getByText('Nothing was lost').first()).toBeVisible();
  await everyLook(page, 'operation-done');
  await page.getByRole('link', { name: 'Open report' }).click();
  await expect(page.getByRole('heading', { name: /^Operation report op-/ })).toBeVisible();
  await expect(page.getByText('Targets met')).toBeVisible();
  await everyLook(page, 'report');
  await context.close();
});

test('without scripts an operation is asked for, a refusal keeps what was typed, and a cancelled one puts everything back', async ({ page, browser }) => {
  await signIn(page);
  await openPlan(page, 'failback');
  const context = await browser.newContext({
    javaScriptEnabled: false,
    baseURL: process.env.SWITCHBACK_URL,
    storageState: await page.context().storageState(),
  });
  const plain = await context.newPage();
  await plain.goto(`${POOL}/plan/failback`);
  await plain.getByLabel('Reason').fill('back home & well');
  await plain.getByLabel('Type the pool: chat-core').fill('chat-core');
  await plain.getByLabel('Type the target site: dc-a').fill('dc-b');
  await plain.getByRole('button', { name: 'Fail back to dc-a' }).click();
  await expect(plain.getByText('type the site’s name, dc-a')).toBeVisible();
  await expect(plain.getByLabel('Reason')).toHaveValue('back home & well');
  await plain.getByLabel('Type the pool: chat-core').fill('chat-core');
  await plain.getByLabel('Type the target site: dc-a').fill('dc-a');
  await plain.getByRole('button', { name: 'Fail back to dc-a' }).click();
  await expect(plain).toHaveURL(/\/operations\/op-\d+/);
  const cancel = plain.getByRole('button', { name: 'Cancel and put back' });
  if ((await cancel.count()) > 0 && (await cancel.getAttribute('aria-disabled')) !== 'true') await cancel.click();
  // Either it came in time and all is as before, or the point of no return was faster and says so.
  await expect(async () => {
    await plain.reload();
    await expect(plain.getByRole('region', { name: /^(Cancelled|Done)/ })).toBeVisible({ timeout: 300 });
  }).toPass({ timeout: 90_000 });
  await context.close();
});

test('the pool is at home again', async ({ page }) => {
  await signIn(page);
  // The test before may have been too late to cancel; then there is nothing left to do.
  await page.goto(`${POOL}/plan/failback`);
  await expect(page.getByRole('heading', { name: 'Failback to dc-a' })).toBeVisible();
  if ((await page.getByText('already runs in its home').count()) > 0) return;
  await openPlan(page, 'failback');
  await page.getByLabel('Reason').fill('after the tests');
  await page.getByLabel('Type the pool: chat-core').fill('chat-core');
  await page.getByLabel('Type the target site: dc-a').fill('dc-a');
  await page.getByRole('button', { name: 'Fail back to dc-a' }).click();
  await expect(stage(page, 'Done')).toBeVisible({ timeout: 120_000 });
});
