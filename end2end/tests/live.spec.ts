// The real pool, live: what is broken in the lab shows on the page, in time and in the right words.
import type { Page } from '@playwright/test';
import { during, lab } from './support/lab';
import { accessible, expect, live, pictures, signIn, test } from './support/console';

/** The verdict at the top of the page, which is named after the state of protection. */
const verdict = (page: Page, word: string) => page.getByRole('region', { name: new RegExp(`^${word}`) });
/** The card of a database node. */
const node = (page: Page, name: string) => page.getByRole('article').filter({ has: page.getByRole('link', { name, exact: true }) });
const protection = (page: Page, word: string) => expect(verdict(page, word));

async function open(page: Page): Promise<void> {
  await signIn(page);
  await page.goto('/pools/chat-core');
  await live(page);
  await protection(page, 'Protected').toBeVisible({ timeout: 60_000 });
}

test('lag appears when replication is stalled, the archive takes over, and both vanish afterwards', async ({ page }) => {
  await open(page);
  await during(['stall-replication'], ['resume-replication'], async () => {
    await protection(page, 'At risk').toBeVisible({ timeout: 20_000 });
    await expect(page.getByText(/would be lost/).first()).not.toContainText('about 0 s');
    // Log shipping keeps the backup alive.
    await expect(node(page, 'b1')).toContainText('Replaying from archive', { timeout: 30_000 });
    await accessible(page);
    await pictures(page, 'state-stalled');
  });
  await protection(page, 'Protected').toBeVisible({ timeout: 60_000 });
  await expect(node(page, 'b1')).not.toContainText('Replaying from archive');
});

test('a killed node is seen to give no answer within 3 seconds', async ({ page }) => {
  await open(page);
  const began = Date.now();
  await during(['kill', 'b2'], ['revive', 'b2'], async () => {
    await expect(node(page, 'b2')).toContainText('No answer', { timeout: 5_000 });
    expect(Date.now() - began, 'from the command to the screen, in ms').toBeLessThan(3_000);
    await protection(page, 'Protected').toBeVisible();
    await accessible(page);
    await pictures(page, 'state-node-down');
  });
  await expect(node(page, 'b2')).not.toContainText('No answer', { timeout: 60_000 });
});

test('a console that is cut off from the active site says so, claims nothing about the site, and never calls it healthy', async ({ page }) => {
  await open(page);
  await during(['cut', 'console', 'a'], ['heal', 'console', 'a'], async () => {
    await protection(page, 'No reading').toBeVisible({ timeout: 12_000 });
    await expect(verdict(page, 'No reading')).toContainText('dc-a is alive: postgres-b1 still receives its log. This console is cut off from it. Do not fail over.');
    const doors = page.getByRole('button', { name: /^Plan switchover/ });
    await expect(doors).toHaveAttribute('aria-disabled', 'true');
    await expect(node(page, 'a1')).toContainText('No answer');
    await expect(page.getByText('Alive, not seen from here').first()).toBeVisible();
    await accessible(page);
    await pictures(page, 'state-cut-off');
    // However long it lasts, nothing may call the pool protected or the site's nodes well, and nothing may call the site dead.
    const until = Date.now() + 20_000;
    while (Date.now() < until) {
      for (const claim of ['Protected', 'Site silent', 'Unprotected']) await expect(verdict(page, claim)).toHaveCount(0);
      await expect(node(page, 'a1')).not.toContainText('Accepting writes');
      for (const claim of ['Clients cannot write', 'No site serves clients']) await expect(page.getByText(claim)).toHaveCount(0);
      await page.waitForTimeout(250);
    }
    await expect(page.getByText('Do not fail over: dc-a is alive').first()).toBeVisible();
  });
  await protection(page, 'Protected').toBeVisible({ timeout: 30_000 });
});

test('a page that gets nothing says since when, and goes on by itself', async ({ page }) => {
  await open(page);
  const console = Number(process.env.CONSOLE_PID);
  process.kill(console, 'SIGSTOP');
  try {
    await expect(page.getByText(/Not live since/).first()).toBeVisible({ timeout: 20_000 });
    await expect(page.getByRole('button', { name: /^Plan switchover/ })).toHaveAccessibleDescription(/Live updates are lost/);
    await expect(verdict(page, 'Protected')).toHaveCount(0);
    await pictures(page, 'state-not-live');
  } finally {
    process.kill(console, 'SIGCONT');
  }
  await expect(page.getByText(/Not live since/)).toHaveCount(0, { timeout: 30_000 });
  await live(page);
  await protection(page, 'Protected').toBeVisible();
});

test('updates can be paused; the page says so and catches up', async ({ page }) => {
  await open(page);
  await page.getByRole('button', { name: /Pause updates/ }).click();
  await expect(page.getByText(/Paused at/).first()).toBeVisible();
  await during(['kill', 'b2'], ['revive', 'b2'], async () => {
    await page.waitForTimeout(3_000);
    await expect(node(page, 'b2')).not.toContainText('No answer');
    await page.getByRole('button', { name: /Go on/ }).first().click();
    await expect(node(page, 'b2')).toContainText('No answer', { timeout: 5_000 });
  });
});

test('two people see the same within a second, and the overview too', async ({ page, browser }) => {
  await open(page);
  const context = await browser.newContext({ storageState: await page.context().storageState(), baseURL: process.env.SWITCHBACK_URL });
  const other = await context.newPage();
  await other.goto('/');
  await live(other);
  await during(['kill', 'member-a1'], ['revive', 'member-a1'], async () => {
    await expect(page.getByText('Down', { exact: true }).first()).toBeVisible({ timeout: 10_000 });
    await expect(other.getByText(/member-a1/).first()).toBeVisible({ timeout: 1_000 });
  });
  await context.close();
});

test('every endpoint that misbehaves has its own finding, and nothing else suffers', async ({ page }) => {
  await open(page);
  await page.goto('/pools/hostile');
  await live(page);
  for (const endpoint of ['patroni-x1', 'patroni-x2', 'patroni-y1', 'patroni-y2', 'postgres-x1', 'postgres-x2', 'postgres-y1', 'postgres-y2',
    'haproxy-x', 'haproxy-y', 'etcd-x']) {
    const row = page.getByRole('row').filter({ hasText: endpoint });
    await expect(row).not.toContainText('Answers');
    expect((await row.innerText()).length, endpoint).toBeGreaterThan(endpoint.length + 30);
  }
  await expect(verdict(page, 'Protected')).toHaveCount(0);
  await accessible(page);
  await pictures(page, 'state-hostile');
  await page.goto('/pools/chat-core');
  await live(page);
  await protection(page, 'Protected').toBeVisible();
});

test('the lab is whole again after all of this', async () => {
  expect(await lab('status')).toContain('everything streams');
});
