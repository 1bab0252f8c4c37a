//! A picture that is not followed any more: the same things in the past tense. Nothing in it is healthy.

use switchback_domain::{Bound, Knowledge, Picture, Protection, ProtectionState, SiteRole, Summary, Verdict};

/// The picture as history.
pub fn aged(picture: &Picture) -> Picture {
    let mut picture = picture.clone();
    for site in [&mut picture.sites.a, &mut picture.sites.b] {
        site.role = aged_role(site.role);
        site.nodes.iter_mut().for_each(|node| age(&mut node.knowledge));
        site.members.iter_mut().for_each(|member| age(&mut member.knowledge));
        site.endpoints.iter_mut().for_each(|endpoint| age(&mut endpoint.knowledge));
    }
    picture.links.iter_mut().for_each(|link| age(&mut link.knowledge));
    age_protection(&mut picture.protection);
    for check in &mut picture.checks {
        check.verdict = match check.verdict {
            Verdict::Fail => Verdict::Fail,
            Verdict::Unknown | Verdict::Warn | Verdict::Pass => Verdict::Unknown,
        };
    }
    picture.checks.sort_by_key(|check| check.verdict);
    picture
}

/// A line of the overview as history.
pub fn aged_summary(summary: &Summary) -> Summary {
    let mut summary = summary.clone();
    summary.sites.a.1 = aged_role(summary.sites.a.1);
    summary.sites.b.1 = aged_role(summary.sites.b.1);
    age_protection(&mut summary.protection);
    summary
}

fn age(knowledge: &mut Knowledge) {
    if let Knowledge::Fresh { seen_at } = *knowledge {
        *knowledge = Knowledge::Stale { seen_at, cause: None };
    }
}

fn aged_role(role: SiteRole) -> SiteRole {
    match role {
        SiteRole::Active | SiteRole::Standby | SiteRole::OutOfSight | SiteRole::Unknown => SiteRole::Unknown,
        SiteRole::ClaimsActive | SiteRole::Fenced | SiteRole::Silent => role,
    }
}

/// Bad news stays on the page; good news does not.
fn age_protection(protection: &mut Protection) {
    protection.state = match protection.state {
        ProtectionState::Protected | ProtectionState::AtRisk | ProtectionState::NoReading => ProtectionState::NoReading,
        state @ (ProtectionState::Unprotected | ProtectionState::SiteSilent | ProtectionState::SplitBrain) => state,
    };
    if protection.bound != Bound::NotKnown {
        protection.bound = Bound::Was;
    }
}
