// A signed-in page, and what every page must keep.
import AxeBuilder from '@axe-core/playwright';
import { type Browser, type Page, expect, test as base } from '@playwright/test';

export const LOGIN = 'mira.okafor';
export const PASSWORD = 'a long road with many bends';

/** Signs in by the form; the first one ever goes through the set-up link. */
export async function signIn(page: Page): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Sign-in name').fill(LOGIN);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL('/');
}

/** Tests with a page that is signed in, and that fail on anything the browser complains about: hydration, CSP, exceptions. */
export const test = base.extend<{ complaints: string[] }, { account: string }>({
  account: [
    async ({ browser }: { browser: Browser }, use) => {
      await setUpOnce(browser);
      await use(LOGIN);
    },
    { scope: 'worker' },
  ],
  complaints: [
    async ({ page, account }, use) => {
      expect(account).toBe(LOGIN);
      const complaints: string[] = [];
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') complaints.push(`${message.type()}: ${message.text()}`);
      });
      page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
      await use(complaints);
      expect(complaints, 'the browser complained').toEqual([]);
    },
    { auto: true },
  ],
});

async function setUpOnce(browser: Browser): Promise<void> {
  const page = await browser.newPage({ baseURL: process.env.SWITCHBACK_URL });
  await page.goto(process.env.SWITCHBACK_SET_UP ?? '');
  // A second worker (after a failed test) finds the link used.
  const name = page.getByLabel('Sign-in name');
  if (await name.isVisible()) {
    await name.fill(LOGIN);
    const full = page.getByLabel('Your name');
    if (await full.isVisible()) await full.fill('Mira Okafor');
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
    const again = page.getByLabel('Password again');
    if (await again.isVisible()) await again.fill(PASSWORD);
    await page.getByRole('button').filter({ hasText: /account|administrator/i }).click();
    await page.waitForURL((url) => !url.pathname.startsWith('/set-up'));
  }
  await page.close();
}

/** Waits until the page's script runs and the stream is open. */
export async function live(page: Page): Promise<void> {
  await expect(page.locator('[data-live="live"]')).toBeVisible();
}

/** No violation of WCAG 2.2 AA or of axe's best practices. */
export async function accessible(page: Page): Promise<void> {
  const result = await new AxeBuilder({ page })
    .withTags(['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'])
    .analyze();
  const found = result.violations.map((violation) => `${violation.id}: ${violation.help}\n  ${violation.nodes.map((node) => node.html).join('\n  ')}`);
  expect(found, found.join('\n')).toEqual([]);
}

/** Pictures of a state in both themes and on a phone, for people to look at. */
export async function pictures(page: Page, name: string): Promise<void> {
  const before = page.viewportSize();
  for (const [width, theme] of [[1440, 'light'], [1440, 'dark'], [390, 'light']] as const) {
    await page.emulateMedia({ colorScheme: theme });
    await page.setViewportSize({ width, height: 900 });
    await page.screenshot({ path: `screenshots/${name}-${width}-${theme}.png`, fullPage: true });
  }
  await page.emulateMedia({ colorScheme: null });
  if (before) await page.setViewportSize(before);
}

export { expect };
