// A signed-in page, and what every page must keep.
import AxeBuilder from '@axe-core/playwright';
import { type Page, expect, test as base } from '@playwright/test';
import { LOGIN, PASSWORD } from './account';

/** Signs in by the form. */
export async function signIn(page: Page): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('User name').fill(LOGIN);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page).toHaveURL('/');
}

/** A debug build's wasm is eight times as large as what is delivered, and on a busy machine Chromium has not got as far after seconds as to
 *  use the parts that the page names. That is about time, and says nothing about what is delivered. */
const slow = (message: string) => !process.env.SWITCHBACK_TEST_RELEASE && /\.wasm was preloaded using link preload but not used within a few seconds/.test(message);

/** Tests that fail on anything the browser complains about: hydration, the content security policy, exceptions. */
export const test = base.extend<{ complaints: string[] }>({
  complaints: [
    async ({ page }, use) => {
      const complaints: string[] = [];
      page.on('console', (message) => {
        if ((message.type() === 'error' || message.type() === 'warning') && !slow(message.text())) complaints.push(`${message.type()}: ${message.text()}`);
      });
      page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
      await use(complaints);
      expect(complaints, 'the browser complained').toEqual([]);
    },
    { auto: true },
  ],
});

/** Waits until the page's script runs and the stream is open. */
export async function live(page: Page): Promise<void> {
  await expect(page.getByRole('button', { name: /Pause updates/ })).toContainText(/^Live/);
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

export { LOGIN, PASSWORD, expect };
