// What is delivered, as a browser loads it: SWITCHBACK_TEST_RELEASE=1 end2end/browser tests/delivered.spec.ts
import { expect, live, signIn, test } from './support/console';

/** What all wasm that the pool page needs should stay under together, compressed by brotli, in bytes. It does not yet, so it is printed. */
const WASM_GOAL = 450_000;

test('the wasm that the pool page loads is compressed and kept for good', async ({ page: signedIn, browser }) => {
  test.skip(!process.env.SWITCHBACK_TEST_RELEASE, 'a debug build has other sizes than what is delivered');
  await signIn(signedIn);
  // A browser that has nothing yet.
  const context = await browser.newContext({ storageState: await signedIn.context().storageState(), baseURL: process.env.SWITCHBACK_URL, locale: 'en-GB' });
  const page = await context.newPage();
  const asked = new Set<string>();
  page.on('request', (request) => {
    if (new URL(request.url()).pathname.endsWith('.wasm')) asked.add(request.url());
  });
  await page.goto('/pools/chat-core');
  await live(page);
  // Parts that the page loads by and by, such as the charts.
  await page.waitForTimeout(2_000);
  const sizes: [string, number][] = [];
  for (const url of asked) {
    const answer = await page.request.get(url, { headers: { 'accept-encoding': 'br' } });
    expect(answer.headers()['content-encoding'], url).toBe('br');
    expect(answer.headers()['cache-control'], url).toContain('immutable');
    sizes.push([new URL(url).pathname, Number(answer.headers()['content-length'])]);
  }
  const sum = sizes.reduce((total, [, size]) => total + size, 0);
  const verdict = sum < WASM_GOAL ? 'within' : 'NOT within';
  console.log(`${sizes.length} wasm files, ${sum} bytes in brotli, ${verdict} the goal of ${WASM_GOAL}:`, Object.fromEntries(sizes));
  await context.close();
  expect(sizes.length, 'the page loads wasm').toBeGreaterThan(0);
  expect(sum).toBeGreaterThan(0);
});
