//! How a type of the domain and its written form become each other.

use jiff::Timestamp;
use switchback_domain::{
    ByteLag, EndpointName, Login, Lsn, MemberName, Millis, NodeName, PoolId, Timeline,
    operation::{Epoch, OperationId},
};

/// The written form of `D`.
pub(crate) trait Form<D> {
    fn write(it: &D) -> Self;
    fn read(self) -> D;
}

/// Values without names of their own in the text are written as the domain writes them: a number or a text each. The golden journals hold
/// what that looks like.
macro_rules! values {
    ($($value:ty),* $(,)?) => { $(
        impl Form<$value> for $value {
            fn write(it: &$value) -> Self {
                it.clone()
            }
            fn read(self) -> $value {
                self
            }
        }
    )* };
}

values![
    bool,
    u16,
    u32,
    u64,
    usize,
    String,
    Timestamp,
    ByteLag,
    EndpointName,
    Epoch,
    Login,
    Lsn,
    MemberName,
    Millis,
    NodeName,
    OperationId,
    PoolId,
    Timeline,
];

impl<D, W: Form<D>> Form<Option<D>> for Option<W> {
    fn write(it: &Option<D>) -> Self {
        it.as_ref().map(W::write)
    }
    fn read(self) -> Option<D> {
        self.map(W::read)
    }
}

impl<D, W: Form<D>> Form<Vec<D>> for Vec<W> {
    fn write(it: &Vec<D>) -> Self {
        it.iter().map(W::write).collect()
    }
    fn read(self) -> Vec<D> {
        self.into_iter().map(W::read).collect()
    }
}

impl<D, W: Form<D>> Form<Box<D>> for Box<W> {
    fn write(it: &Box<D>) -> Self {
        Box::new(W::write(it))
    }
    fn read(self) -> Box<D> {
        Box::new((*self).read())
    }
}

impl<D, E, V: Form<D>, W: Form<E>> Form<(D, E)> for (V, W) {
    fn write(it: &(D, E)) -> Self {
        (V::write(&it.0), W::write(&it.1))
    }
    fn read(self) -> (D, E) {
        (self.0.read(), self.1.read())
    }
}

impl<D, E, F, V: Form<D>, W: Form<E>, X: Form<F>> Form<(D, E, F)> for (V, W, X) {
    fn write(it: &(D, E, F)) -> Self {
        (V::write(&it.0), W::write(&it.1), X::write(&it.2))
    }
    fn read(self) -> (D, E, F) {
        (self.0.read(), self.1.read(), self.2.read())
    }
}

/// Enums by the name of each variant and field in the text. Both ways are exhaustive, so whatever is added, removed or renamed in the domain
/// does not compile before its line here says how it is written.
macro_rules! enums {
    ($(
        $(#[$attribute:meta])* $type:ident {
            $( $(#[$on:meta])* $variant:ident = $name:tt $({ $( $(#[$of:meta])* $field:ident = $called:tt : $kind:ty ),* })? ),* $(,)?
        }
    )*) => {
        $(
            #[derive(Serialize, Deserialize)]
            $(#[$attribute])*
            pub(crate) enum $type {
                $( #[serde(rename = $name)] $(#[$on])* $variant $({ $( #[serde(rename = $called)] $(#[$of])* $field: $kind ),* })? ),*
            }

            impl Form<domain::$type> for $type {
                fn write(it: &domain::$type) -> Self {
                    match it {
                        $( domain::$type::$variant $({ $($field),* })? => $type::$variant $({ $($field: Form::write($field)),* })? ),*
                    }
                }
                fn read(self) -> domain::$type {
                    match self {
                        $( $type::$variant $({ $($field),* })? => {
                            #[cfg(test)]
                            crate::tests::note(stringify!($type), $name);
                            domain::$type::$variant $({ $($field: Form::read($field)),* })?
                        } ),*
                    }
                }
            }
        )*

        /// Every variant of each type, by the names in the text.
        #[cfg(test)]
        pub(crate) const VARIANTS: &[(&str, &[&str])] = &[$( (stringify!($type), &[$($name),*]) ),*];
    };
}

/// Structs by the name of each field in the text.
macro_rules! structs {
    ($( $type:ident { $( $(#[$of:meta])* $field:ident = $called:tt : $kind:ty ),* $(,)? } )*) => { $(
        #[derive(Serialize, Deserialize)]
        pub(crate) struct $type {
            $( #[serde(rename = $called)] $(#[$of])* $field: $kind ),*
        }

        impl Form<domain::$type> for $type {
            fn write(it: &domain::$type) -> Self {
                let domain::$type { $($field),* } = it;
                $type { $($field: Form::write($field)),* }
            }
            fn read(self) -> domain::$type {
                let $type { $($field),* } = self;
                domain::$type { $($field: Form::read($field)),* }
            }
        }
    )* };
}

pub(crate) use {enums, structs};
