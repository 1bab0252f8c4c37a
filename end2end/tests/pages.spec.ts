// Every page: complete in the first response, accessible in both themes and on a phone, and no wider than the screen.
import { accessible, expect, live, pictures, signIn, test } from './support/console';

const PAGES = [
  ['overview', '/'],
  ['pool', '/pools/chat-core'],
  ['node', '/pools/chat-core/nodes/b1'],
  ['link', '/pools/chat-core/links/cross-site'],
  ['plan-switchover', '/pools/chat-core/plan/switchover'],
  ['plan-failover', '/pools/chat-core/plan/failover'],
  ['plan-members', '/pools/chat-core/plan/members'],
  ['operations', '/operations'],
  ['audit', '/audit'],
] as const;

for (const [name, path] of PAGES) {
  test(`${name} is accessible in both themes and fits the screen`, async ({ page }) => {
    await signIn(page);
    await page.goto(path);
    if (['overview', 'pool', 'node', 'link'].includes(name)) await live(page);
    for (const colorScheme of ['light', 'dark'] as const) {
      for (const width of [1440, 1024, 390]) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        await accessible(page);
        const beyond = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(beyond, `${width} px: the page is wider than the screen`).toBeLessThanOrEqual(0);
      }
    }
    await pictures(page, name);
  });
}

test('the pool page says all of it before any script runs', async ({ browser, page }) => {
  await signIn(page);
  const context = await browser.newContext({
    javaScriptEnabled: false,
    baseURL: process.env.SWITCHBACK_URL,
    storageState: await page.context().storageState(),
  });
  const plain = await context.newPage();
  await plain.goto('/pools/chat-core');
  await expect(plain.getByRole('heading', { name: 'chat-core' })).toBeVisible();
  await expect(plain.getByText('Protected').first()).toBeVisible();
  for (const node of ['a1', 'a2', 'b1', 'b2']) await expect(plain.getByRole('link', { name: node, exact: true }).first()).toBeVisible();
  for (const member of ['member-a1', 'member-b2']) await expect(plain.getByText(member).first()).toBeVisible();
  await context.close();
});

test('the three guarded actions lead to their plans, or are shut, focusable, and say why', async ({ page }) => {
  await signIn(page);
  await page.goto('/pools/chat-core');
  await live(page);
  for (const name of ['Plan switchover to dc-b…', 'Plan emergency failover to dc-b…']) {
    const link = page.getByRole('link', { name });
    await expect(link).toHaveAttribute('href', /^\/pools\/chat-core\/plan\//);
    await expect(link).toHaveAccessibleDescription(/.{10,}/);
  }
  const shut = page.getByRole('button', { name: 'Plan failback to dc-a…' });
  await expect(shut).toHaveAttribute('aria-disabled', 'true');
  await shut.focus();
  await expect(shut).toBeFocused();
  await expect(shut).toHaveAccessibleDescription(/already runs in its home/);
});

test('everything can be reached by keyboard, beginning with a way past the navigation', async ({ page }) => {
  await signIn(page);
  await page.goto('/pools/chat-core');
  await live(page);
  await page.keyboard.press('Tab');
  await expect(page.locator(':focus')).toHaveText(/Skip to/);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  expect(await page.locator(':focus').evaluate((focused) => document.querySelector('main')?.contains(focused))).toBe(true);
});

test('what does not exist says so and leads back', async ({ page, complaints }) => {
  await signIn(page);
  for (const [path, title] of [
    ['/pools/nowhere', 'No such pool'],
    ['/pools/chat-core/nodes/z9', 'No such node'],
    ['/pools/chat-core/links/sideways', 'No such link'],
  ]) {
    const response = await page.goto(path);
    expect(response?.status()).toBe(404);
    await expect(page.getByRole('heading', { name: title, level: 2 })).toBeVisible();
  }
  // The browser notes each of these answers itself.
  complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes('404')));
});
