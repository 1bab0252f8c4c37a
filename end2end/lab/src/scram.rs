//! Passwords as PostgreSQL keeps them, made here so that the rounds can be chosen: with the usual 4096 a client that connects
//! again and again during an outage spends more time on its handshakes than the outage takes.

use sha2::{Digest, Sha256};

/// The least that still is a handshake.
const ROUNDS: u32 = 16;

const BLOCK: usize = 64;

/// What `CREATE ROLE … PASSWORD` takes in place of a password (RFC 5803). The salt need not be secret, and passwords of the lab are random.
pub(crate) fn verifier(password: &str) -> String {
    let salt: [u8; 16] = Sha256::digest(format!("salt of {password}").as_bytes())[..16].try_into().unwrap_or_default();
    encode(password, &salt, ROUNDS)
}

fn encode(password: &str, salt: &[u8], rounds: u32) -> String {
    let salted = salted(password.as_bytes(), salt, rounds);
    let stored = Sha256::digest(hmac(&salted, &[b"Client Key"]));
    let server = hmac(&salted, &[b"Server Key"]);
    format!("SCRAM-SHA-256${rounds}:{}${}:{}", base64(salt), base64(&stored), base64(&server))
}

fn salted(password: &[u8], salt: &[u8], rounds: u32) -> [u8; 32] {
    let mut round = hmac(password, &[salt, &1_u32.to_be_bytes()]);
    let mut all = round;
    for _ in 1..rounds {
        round = hmac(password, &[&round]);
        for (byte, other) in all.iter_mut().zip(round) {
            *byte ^= other;
        }
    }
    all
}

fn hmac(key: &[u8], parts: &[&[u8]]) -> [u8; 32] {
    let mut block = [0_u8; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let mut inner = Sha256::new();
    inner.update(block.map(|byte| byte ^ 0x36));
    for part in parts {
        inner.update(part);
    }
    let mut outer = Sha256::new();
    outer.update(block.map(|byte| byte ^ 0x5c));
    outer.update(inner.finalize());
    outer.finalize().into()
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let three = [chunk[0], *chunk.get(1).unwrap_or(&0), *chunk.get(2).unwrap_or(&0)];
        let number = u32::from_be_bytes([0, three[0], three[1], three[2]]);
        for place in 0..4 {
            let letter = LETTERS[((number >> (18 - 6 * place)) & 63) as usize];
            text.push(if place > chunk.len() { '=' } else { char::from(letter) });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_one_of_the_standard() {
        // RFC 7677, section 3: the server's signature of that exchange needs exactly this salted password.
        let salt = [0x5b, 0x6d, 0x99, 0x68, 0x9d, 0x12, 0x35, 0x8e, 0xec, 0xa0, 0x4b, 0x14, 0x12, 0x36, 0xfa, 0x81];
        assert_eq!(base64(&salt), "W22ZaJ0SNY7soEsUEjb6gQ==");
        let key = hmac(&salted(b"pencil", &salt, 4096), &[b"Server Key"]);
        let message = "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                       s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
        assert_eq!(base64(&hmac(&key, &[message.as_bytes()])), "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn the_same_password_has_the_same_verifier_and_another_one_has_another() {
        assert_eq!(verifier("x"), verifier("x"));
        assert_ne!(verifier("x"), verifier("y"));
        assert!(verifier("x").starts_with("SCRAM-SHA-256$16:"));
    }
}
