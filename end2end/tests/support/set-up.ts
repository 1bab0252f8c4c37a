// Before all tests: the first account, through the one-time link that the console printed.
import { chromium, expect, type FullConfig } from '@playwright/test';
import { LOGIN, PASSWORD } from './account';

export default async function setUp(config: FullConfig): Promise<void> {
  const { launchOptions } = config.projects[0].use;
  const browser = await chromium.launch(launchOptions);
  const page = await browser.newPage({ locale: 'en-GB' });
  await page.goto(process.env.SWITCHBACK_SET_UP ?? '');
  await page.getByLabel('User name').fill(LOGIN);
  await page.getByLabel('Your name').fill('Mira Okafor');
  await page.getByLabel('Password').fill('too short');
  await page.getByRole('button', { name: 'Make the account and sign in' }).click();
  await expect(page.getByText(/at least 15 characters/i).first()).toBeVisible();
  await page.getByLabel('User name').fill(LOGIN);
  await page.getByLabel('Your name').fill('Mira Okafor');
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Make the account and sign in' }).click();
  await expect(page.getByRole('heading', { name: 'Pools' })).toBeVisible();
  await browser.close();
}
