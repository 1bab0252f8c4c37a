// What is delivered, as a browser that has nothing yet loads it. Sizes are those of a release build, which `end2end/size` holds to the
// limit without a browser; here too with SWITCHBACK_TEST_RELEASE=1 end2end/browser tests/delivered.spec.ts
import type { Browser, Page } from '@playwright/test';
import { expect, live, signIn, test } from './support/console';

/** What all wasm that the page of a pool needs stays under together, compressed by brotli, in bytes. */
const WASM_LIMIT = 455_000;

/** The addresses of all wasm that a page loads until it is live, and a moment longer. */
async function wasmOf(signedIn: Page, browser: Browser, address: string): Promise<string[]> {
  const context = await browser.newContext({ storageState: await signedIn.context().storageState(), baseURL: process.env.SWITCHBACK_URL, locale: 'en-GB' });
  const page = await context.newPage();
  const asked = new Set<string>();
  page.on('request', (request) => {
    if (new URL(request.url()).pathname.endsWith('.wasm')) asked.add(request.url());
  });
  await page.goto(address);
  await live(page);
  // Parts that the page would load by and by.
  await page.waitForTimeout(2_000);
  await context.close();
  return [...asked];
}

test('the overview and the page of a pool need one and the same file of wasm', async ({ page, browser }) => {
  await signIn(page);
  const [overview, pool] = [await wasmOf(page, browser, '/'), await wasmOf(page, browser, '/pools/chat-core')];
  expect(overview).toHaveLength(1);
  expect(pool).toEqual(overview);
});

test('the wasm that the page of a pool loads is compressed, kept for good, and small enough', async ({ page, browser }) => {
  test.skip(!process.env.SWITCHBACK_TEST_RELEASE, 'a debug build has other sizes than what is delivered');
  await signIn(page);
  const sizes: Record<string, number> = {};
  for (const url of await wasmOf(page, browser, '/pools/chat-core')) {
    const answer = await page.request.get(url, { headers: { 'accept-encoding': 'br' } });
    expect(answer.headers()['content-encoding'], url).toBe('br');
    expect(answer.headers()['cache-control'], url).toContain('immutable');
    sizes[new URL(url).pathname] = Number(answer.headers()['content-length']);
  }
  const sum = Object.values(sizes).reduce((total, size) => total + size, 0);
  console.log(`${sum} bytes of wasm in brotli:`, sizes);
  expect(sum).toBeGreaterThan(0);
  expect(sum).toBeLessThan(WASM_LIMIT);
});
