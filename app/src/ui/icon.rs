//! Drawn signs. They never stand alone: a word beside them says the same.

use leptos::prelude::*;

/// A drawing in the sprite.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A filled circle with a tick.
    Ok,
    /// A triangle.
    Warn,
    /// An octagon.
    Fail,
    /// A diamond with a fork.
    Split,
    /// A dashed clock.
    Stale,
    /// An arc that turns.
    Run,
    /// A fence.
    Fence,
    /// A crossed circle.
    Block,
    /// An hourglass.
    Wait,
    /// Two bars.
    Pause,
    /// A triangle pointing on.
    Play,
    /// A circular arrow.
    Retry,
    /// An angle pointing down.
    Chevron,
    /// An arrow to the right.
    Arrow,
    /// Two opposite arrows.
    Swap,
    /// A flash.
    Bolt,
    /// An arrow that comes back.
    Back,
    /// A drum.
    Database,
    /// A figure and its reflection.
    Mirror,
    /// Two boxes.
    Server,
    /// A person.
    User,
    /// A half-filled circle.
    Theme,
    /// A clock.
    Clock,
    /// A flag.
    Flag,
    /// Chain links.
    Chain,
    /// An eye.
    Eye,
    /// A door with an arrow out.
    Leave,
}

impl Sign {
    fn href(self) -> &'static str {
        match self {
            Sign::Ok => "#i-ok",
            Sign::Warn => "#i-warn",
            Sign::Fail => "#i-fail",
            Sign::Split => "#i-split",
            Sign::Stale => "#i-stale",
            Sign::Run => "#i-run",
            Sign::Fence => "#i-fence",
            Sign::Block => "#i-block",
            Sign::Wait => "#i-wait",
            Sign::Pause => "#i-pause",
            Sign::Play => "#i-play",
            Sign::Retry => "#i-retry",
            Sign::Chevron => "#i-chev",
            Sign::Arrow => "#i-arrow",
            Sign::Swap => "#i-swap",
            Sign::Bolt => "#i-bolt",
            Sign::Back => "#i-back",
            Sign::Database => "#i-db",
            Sign::Mirror => "#i-mirror",
            Sign::Server => "#i-server",
            Sign::User => "#i-user",
            Sign::Theme => "#i-theme",
            Sign::Clock => "#i-clock",
            Sign::Flag => "#i-flag",
            Sign::Chain => "#i-chain",
            Sign::Eye => "#i-eye",
            Sign::Leave => "#i-leave",
        }
    }
}

/// A sign beside a word; hidden from screen readers.
#[component]
pub fn Icon(
    /// Which one.
    #[prop(into)]
    sign: Signal<Sign>,
) -> impl IntoView {
    view! {
        <svg class="i" aria-hidden="true">
            <use href=move || sign.get().href()></use>
        </svg>
    }
}

/// The product's mark.
#[component]
pub fn Logo() -> impl IntoView {
    view! {
        <svg class="logo" aria-hidden="true">
            <use href="#logo"></use>
        </svg>
    }
}
