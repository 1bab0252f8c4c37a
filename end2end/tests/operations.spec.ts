// Operations from the console on the real lab: through the dialog to the end, seen by others, without scripts, and accessible.
import type { Browser, Locator, Page } from '@playwright/test';
import { accessible, expect, live, pictures, signIn, test } from './support/console';
import { during, lab } from './support/lab';

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

/** A page of somebody else who is signed in, or of the same person with a browser that runs no scripts. */
async function another(browser: Browser, page: Page, javaScriptEnabled = true): Promise<Page> {
  const storageState = await page.context().storageState();
  const context = await browser.newContext({ javaScriptEnabled, storageState, baseURL: process.env.SWITCHBACK_URL, locale: 'en-GB' });
  return context.newPage();
}

/** Fills the dialog. Every check that does not pass is taken on and the loss is accepted, where that is asked for. */
async function fill(page: Page, site: string, reason: string): Promise<void> {
  await page.getByLabel('Reason').fill(reason);
  await page.getByLabel('Type the pool: chat-core').fill('chat-core');
  await page.getByLabel(new RegExp(`^Type the (target )?site: ${site}$`)).fill(site);
  for (const tick of await page.getByRole('checkbox', { name: /^I (take|accept)/ }).all()) await tick.check();
}

/** Opens a page and waits until what happens to the operation there reaches it: from then on a second is a second. */
async function watch(page: Page, url: string): Promise<void> {
  const listening = page.waitForResponse(/\/live\/operations\//);
  await page.goto(url);
  await listening;
}

/** Loads the page again and again until something is to be seen: what a page without scripts needs. */
async function reloadUntil(page: Page, seen: () => Locator, timeout: number): Promise<void> {
  await expect(async () => {
    await page.reload();
    await expect(seen()).toBeVisible({ timeout: 300 });
  }).toPass({ timeout });
}

/** The outage meter: its panel has one name while it counts and another one afterwards. */
const meter = (page: Page) => page.getByRole('region', { name: /^(Clients without writes|Time without writes)/ });

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

/** Asks for what is planned. A site that has only just gone or come back changes from second to second, and every change is another plan:
 *  then the new one is looked at and asked for. */
async function begin(page: Page, site: string, reason: string, button: string) {
  await expect(async () => {
    await fill(page, site, reason);
    await page.getByRole('button', { name: button }).click();
    await expect(page).toHaveURL(/\/operations\/op-\d+/, { timeout: 5_000 });
  }).toPass({ timeout: 120_000 });
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

  const other = await another(browser, page);
  await other.goto(POOL);
  await live(other);
  await button.click();
  await expect(page).toHaveURL(/\/operations\/op-\d+/);
  await expect(other.getByRole('link', { name: /^Open op-/ })).toBeVisible({ timeout: 1_000 });
  await watch(other, page.url());
  await expect(stage(page, 'Done')).toBeVisible({ timeout: 90_000 });
  await expect(stage(other, 'Done')).toBeVisible({ timeout: 1_000 });
  await expect(page.getByText('Nothing was lost').first()).toBeVisible();
  await expect(meter(page)).toContainText('Target met');
  await expect(meter(other)).toContainText('Target met');
  await everyLook(page, 'operation-done');
  await page.getByRole('link', { name: 'Open report' }).click();
  await expect(page.getByRole('heading', { name: /^Operation report op-/ })).toBeVisible();
  await expect(page.getByText('Targets met')).toBeVisible();
  await everyLook(page, 'report');
  await page.goto('/audit');
  // The newest entry is a sentence; behind it is what was seen, and the way to the operation.
  const entry = page.getByRole('listitem').filter({ hasText: /is done: / }).first();
  await entry.getByText('is done: ').click();
  await expect(entry.getByRole('link', { name: /^Open op-/ })).toBeVisible();
  await everyLook(page, 'audit-after');
  await other.context().close();
});

test('without scripts an operation is asked for, a refusal keeps what was typed, and a cancelled one puts everything back', async ({ page, browser }) => {
  await signIn(page);
  await openPlan(page, 'failback');
  const plain = await another(browser, page, false);
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
  await reloadUntil(plain, () => plain.getByRole('region', { name: /^(Cancelled|Done)/ }), 90_000);
  await plain.context().close();
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

test('a plan that changes while it is looked at says what has changed, and a tick stays with what it was given to', async ({ page, browser }) => {
  test.setTimeout(180_000);
  await signIn(page);
  const other = await another(browser, page);
  const newPlan = async (words: string) =>
    expect(async () => {
      await other.goto(`${POOL}/plan/failover`);
      await expect(other.getByText(words)).toBeVisible({ timeout: 500 });
    }).toPass({ timeout: 60_000 });
  const refusal = page.getByRole('alert').filter({ hasText: 'Nothing was started' });
  const box = (words: string) => page.getByRole('listitem').filter({ hasText: words }).getByRole('checkbox');
  const [mirror, members] = ['The mirror does not confirm commits', 'No fresh reading: Enough members'];
  await openPlan(page, 'failover');
  // Should it be begun all the same, nothing happens to the pool.
  const send = page.getByRole('button', { name: 'Rehearse only' });
  await expect(send, 'the script has read the form').toHaveAttribute('aria-disabled', 'true');
  await expect(page.getByRole('checkbox', { name: /^I take/ })).toHaveCount(0);
  await fill(page, 'dc-b', 'only to be refused');
  await during(['kill', 'a2'], ['revive', 'a2'], async () => {
    await newPlan(mirror);
    await send.click();
    await expect(refusal).toContainText('Checks that do not pass any more: The mirror confirms every commit.');
    await expect(box(mirror)).not.toBeChecked();
    await box(mirror).check();
    await during(['kill', 'haproxy-b'], ['revive', 'haproxy-b'], async () => {
      await newPlan(members);
      await send.click();
      await expect(refusal).toContainText('Checks that do not pass any more: Enough members');
      await expect(box(mirror), 'it says the same as before').toBeChecked();
      await expect(box(members), 'nobody has seen it before').not.toBeChecked();
      await pictures(page, 'plan-changed');
    });
  });
  await other.context().close();
});

test('from a silent site nobody fails over without saying how they know that it is off', async ({ page }) => {
  test.setTimeout(200_000);
  await signIn(page);
  await page.goto(POOL);
  await live(page);
  const elsewhere = ['console', 'clients', 'b'];
  for (const place of elsewhere) await lab('cut', 'a', place);
  try {
    await expect(page.getByRole('region', { name: /^Site silent/ })).toBeVisible({ timeout: 60_000 });
    await accessible(page);
    await pictures(page, 'state-site-silent');
    await page.getByRole('link', { name: 'Plan emergency failover to dc-b…' }).click();
    const button = page.getByRole('button', { name: 'Fail over to dc-b' });
    await expect(button).toHaveAttribute('aria-disabled', 'true');
    await expect(page.getByRole('group', { name: /\d+ checks? (fails?|cannot be told)/ })).toBeVisible();
    // What cannot be told for one and the same reason is taken on with one tick, and each of it is named there.
    const silent = page.getByRole('listitem').filter({ has: page.getByRole('checkbox', { name: /^I accept all of these risks \(\d+\)/ }) });
    await expect(silent).toHaveCount(1);
    await expect(silent).toContainText(/\d+ checks cannot be told, because there is no reading from dc-a:/);
    await expect(silent.getByRole('listitem').filter({ hasText: 'Exactly one node accepts writes' })).toBeVisible();
    await everyLook(page, 'plan-failover-silent');
    await page.getByLabel('Type the pool: chat-core').fill('chat-core');
    await page.getByLabel('Type the target site: dc-b').fill('dc-b');
    await page.getByLabel('Reason').fill('nobody hears dc-a');
    await expect(button, 'neither the loss nor the checks are taken on').toHaveAttribute('aria-disabled', 'true');
    // A rehearsal needs none of that, and says what the failover itself would need.
    const plan = page.url();
    await page.getByRole('button', { name: 'Rehearse only' }).click();
    await expect(stage(page, 'Rehearsed')).toBeVisible({ timeout: 30_000 });
    await expect(page.getByText('your words on how you know that a1, a2 are off').first()).toBeVisible();
    await everyLook(page, 'operation-rehearsed');
    await page.goto(plan);
    await page.getByLabel('Type the pool: chat-core').fill('chat-core');
    await page.getByLabel('Type the target site: dc-b').fill('dc-b');
    await fill(page, 'dc-b', 'nobody hears dc-a');
    await expect(button, 'nobody has said how they know').toHaveAttribute('aria-disabled', 'true');
    await expect(page.getByText('Needed: nothing proves that a1, a2 no longer accept writes')).toBeVisible();
    await page.getByLabel('How do you know that dc-a is off?').fill('the breaker is open, says the caretaker');
    await expect(button).not.toHaveAttribute('aria-disabled', 'true');
  } finally {
    for (const place of elsewhere) await lab('heal', 'a', place);
  }
  await page.goto(POOL);
  await expect(page.getByRole('region', { name: /^Protected/ })).toBeVisible({ timeout: 60_000 });
});

/** Where "Cancel and put back" stands while an operation asks: among the controls, and as an answer. */
const places = {
  controls: (page: Page) => page.getByRole('region', { name: 'Controls' }),
  answer: (page: Page) => page.locator('section').filter({ has: page.locator('#ask-h') }),
};

for (const [place, found] of Object.entries(places)) {
  for (const scripts of [true, false]) {
    test(`at a question the pool is put back by the button in the ${place}, ${scripts ? 'with' : 'without'} scripts`, async ({ page, browser }) => {
      test.setTimeout(200_000);
      await signIn(page);
      // What only comes to pass while the form is filled would be another plan.
      await expect(async () => {
        await openPlan(page, 'failover');
        await expect(page.getByRole('checkbox', { name: /^I take/ })).toHaveCount(0, { timeout: 500 });
      }).toPass({ timeout: 120_000 });
      await fill(page, 'dc-b', 'nobody hears dc-a');
      const elsewhere = ['clients', 'b', 'console'];
      for (const other of elsewhere) await lab('cut', 'a', other);
      try {
        await page.getByRole('button', { name: 'Fail over to dc-b' }).click();
        await page.waitForURL(/\/operations\/op-/, { timeout: 30_000 });
        await expect(stage(page, 'Needs a person')).toBeVisible({ timeout: 30_000 });
        const presses = scripts ? page : await another(browser, page, false);
        if (!scripts) await presses.goto(page.url());
        // One action: no reason is asked for, and the question is over with it.
        await found(presses).getByRole('button', { name: 'Cancel and put back' }).click();
        await expect(presses, 'it stays the page of the operation, and says nothing of a refusal').toHaveURL(/\/operations\/op-\d+$/);
        await expect(page.getByRole('button', { name: 'It is off: go on' })).toHaveCount(0, { timeout: 10_000 });
        await expect(stage(page, 'Cancelled')).toBeVisible({ timeout: 60_000 });
        if (!scripts) await reloadUntil(presses, () => stage(presses, 'Cancelled'), 10_000);
      } finally {
        for (const other of elsewhere) await lab('heal', 'a', other);
      }
      // dc-a was never told anything, and serves as before.
      await page.goto(POOL);
      await expect(page.getByRole('region', { name: /^Protected/ })).toBeVisible({ timeout: 60_000 });
    });
  }
}

test('a failover asks whether a site is off that has just fallen silent, and whoever watches sees question and answer within a second', async ({ page, browser }) => {
  test.setTimeout(400_000);
  await signIn(page);
  const other = await another(browser, page);
  await openPlan(page, 'failover');
  await fill(page, 'dc-b', 'nobody hears dc-a');
  const elsewhere = ['clients', 'b', 'console'];
  // Its last answers count for some seconds more, so nobody is asked beforehand whether it is off.
  for (const place of elsewhere) await lab('cut', 'a', place);
  try {
    await page.getByRole('button', { name: 'Fail over to dc-b' }).click();
    await page.waitForURL(/\/operations\/op-/, { timeout: 30_000 });
    await watch(other, page.url());
    await expect(stage(page, 'Needs a person')).toBeVisible({ timeout: 30_000 });
    await expect(stage(other, 'Needs a person')).toBeVisible({ timeout: 1_000 });
    // Here clients wait for longer than a page takes to show it; a planned switchover is over sooner.
    await expect(meter(page)).toContainText('Counting');
    const counted = await meter(page).textContent();
    await expect(meter(page)).not.toHaveText(counted ?? '', { timeout: 2_000 });
    await expect(meter(page)).toContainText('Counting');
    await everyLook(page, 'operation-question');
    const answer = page.getByRole('button', { name: 'It is off: go on' });
    await page.getByLabel('How do you know that it is off?').fill('the breaker is open, says the caretaker');
    await answer.click();
    // The other one's question is gone as soon as it is answered, and nobody can answer it again.
    await expect(other.getByRole('button', { name: 'It is off: go on' })).toHaveCount(0, { timeout: 1_000 });
    await expect(stage(page, 'Done')).toBeVisible({ timeout: 60_000 });
    await expect(stage(other, 'Done')).toBeVisible({ timeout: 1_000 });
    await expect(page.getByText('the breaker is open, says the caretaker').first()).toBeVisible();
    await everyLook(page, 'operation-failover');
    await page.getByRole('link', { name: 'Open report' }).click();
    await expect(page.getByRole('heading', { name: /^Operation report op-/ })).toBeVisible();
    await everyLook(page, 'report-failover');
  } finally {
    for (const place of elsewhere) await lab('heal', 'a', place);
    await other.context().close();
  }
  await openPlan(page, 'reprotect?site=dc-a');
  await begin(page, 'dc-a', 'it is back', 'Re-protect dc-a');
  await expect(stage(page, 'Done')).toBeVisible({ timeout: 200_000 });
});

test('without scripts a failover is refused until the loss is accepted, and then brings the pool home', async ({ page, browser }) => {
  test.setTimeout(400_000);
  await signIn(page);
  const plain = await another(browser, page, false);
  await during(['kill', 'b'], ['revive', 'b'], async () => {
    await plain.goto(POOL);
    await reloadUntil(plain, () => plain.getByRole('region', { name: /^Site silent/ }), 60_000);
    // A rehearsal is sent although neither a tick nor an attestation is there.
    await expect(async () => {
      await plain.goto(`${POOL}/plan/failover`);
      await plain.getByLabel('Reason').fill('an exercise');
      await plain.getByLabel('Type the pool: chat-core').fill('chat-core');
      await plain.getByLabel('Type the target site: dc-a').fill('dc-a');
      await plain.getByRole('button', { name: 'Rehearse only' }).click();
      await expect(plain).toHaveURL(/\/operations\/op-\d+/, { timeout: 3_000 });
    }).toPass({ timeout: 60_000 });
    await reloadUntil(plain, () => plain.getByText('The operation itself would also need').first(), 60_000);
    await plain.goto(`${POOL}/plan/failover`);
    // Some seconds after the site went, members of the other one go down for want of a primary: that is another plan, and is refused first.
    await expect(async () => {
      await fill(plain, 'dc-a', 'dc-b is gone');
      await plain.getByLabel('How do you know that dc-b is off?').fill('its power is off');
      await plain.getByLabel('Type the pool: chat-core').fill('chat-cor');
      await plain.getByRole('button', { name: 'Fail over to dc-a' }).click();
      await expect(plain.getByText('type the pool’s name, chat-core')).toBeVisible({ timeout: 3_000 });
    }).toPass({ timeout: 60_000 });
    await expect(plain.getByLabel('Reason')).toHaveValue('dc-b is gone');
    await expect(plain.getByLabel('How do you know that dc-b is off?')).toHaveValue('its power is off');
    // What was ticked has to be ticked anew: the plan may be another one. The browser itself insists on it.
    await plain.getByLabel('Type the pool: chat-core').fill('chat-core');
    await plain.getByLabel('Type the target site: dc-a').fill('dc-a');
    await plain.getByRole('button', { name: 'Fail over to dc-a' }).click();
    await expect(plain, 'nothing is sent without the ticks').toHaveURL(/plan\/failover/);
    await begin(plain, 'dc-a', 'dc-b is gone', 'Fail over to dc-a');
    await reloadUntil(plain, () => stage(plain, 'Done'), 90_000);
  });
  await openPlan(page, 'reprotect?site=dc-b');
  await plain.goto(`${POOL}/plan/reprotect?site=dc-b`);
  await begin(plain, 'dc-b', 'it is back', 'Re-protect dc-b');
  await reloadUntil(plain, () => stage(plain, 'Done'), 200_000);
  await plain.context().close();
});
