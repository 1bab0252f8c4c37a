// Coming in: nothing without a session, one account by a one-time link, sign-in, sign-out, language and theme.
import { LOGIN, PASSWORD, accessible, expect, live, pictures, signIn, test } from './support/console';

test.describe('without a session', () => {
  test('nothing but the sign-in page is to be seen', async ({ page, request }) => {
    for (const path of ['/', '/pools/chat-core', '/pools/chat-core/nodes/a1', '/pools/chat-core/links/cross-site', '/audit']) {
      await page.goto(path);
      await expect(page).toHaveURL(/\/sign-in/);
      await expect(page.getByText('chat-core')).toHaveCount(0);
    }
    expect((await request.get('/live/pools', { maxRedirects: 0 })).status()).toBe(401);
    expect((await request.get('/health/live')).status()).toBe(200);
    expect((await request.get('/health/ready')).status()).toBe(200);
  });

  test('the set-up link works once', async ({ page }) => {
    await page.goto(process.env.SWITCHBACK_SET_UP ?? '');
    await expect(page.getByRole('button', { name: 'Make the account and sign in' })).toHaveCount(0);
  });

  test('a wrong password is refused in words, and the name is not told apart from the password', async ({ page }) => {
    const sentences = [];
    for (const login of [LOGIN, 'nobody']) {
      await page.goto('/sign-in');
      await page.getByLabel('User name').fill(login);
      await page.getByLabel('Password').fill('not the right password');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await expect(page).toHaveURL(/problem=wrong/);
      sentences.push(await page.getByRole('main').innerText());
    }
    expect(sentences[0]).toBe(sentences[1]);
  });

  test('the way back leads only to pages of this console', async ({ page }) => {
    await page.goto('/sign-in?next=https://elsewhere.example/');
    await page.getByLabel('User name').fill(LOGIN);
    await page.getByLabel('Password').fill(PASSWORD);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await expect(page).toHaveURL(`${process.env.SWITCHBACK_URL}/`);
  });

  test('the sign-in page is accessible in both themes', async ({ page }) => {
    await page.goto('/sign-in');
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await accessible(page);
    }
    await pictures(page, 'sign-in');
  });
});

test('signing out ends the session everywhere', async ({ page, context }) => {
  await signIn(page);
  const other = await context.newPage();
  await other.goto('/pools/chat-core');
  await live(other);
  await page.getByRole('button', { name: /Mira Okafor|mira\.okafor/ }).click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await expect(page).toHaveURL(/\/sign-in/);
  await expect(other.getByText('Your session has ended.').first()).toBeVisible({ timeout: 15_000 });
  await other.close();
});

test('the console speaks the language of the browser, and the one that is chosen', async ({ browser }) => {
  const context = await browser.newContext({ locale: 'zh-CN', baseURL: process.env.SWITCHBACK_URL });
  const page = await context.newPage();
  await page.goto('/sign-in');
  await expect(page.locator('html')).toHaveAttribute('lang', 'zh-CN');
  await page.getByRole('button', { name: 'English' }).click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
  await context.close();
});

test('a chosen theme is there in the first response', async ({ browser }) => {
  const context = await browser.newContext({ javaScriptEnabled: false, baseURL: process.env.SWITCHBACK_URL });
  const page = await context.newPage();
  await page.goto('/sign-in');
  await page.getByRole('button', { name: 'Dark' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await context.close();
});
