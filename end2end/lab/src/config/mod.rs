//! The configuration files of the lab's services, as pure functions of layout and passwords.

pub(crate) mod etcd;
pub(crate) mod haproxy;
pub(crate) mod patroni;
pub(crate) mod prosody;
