//! Signing in and out.

use super::{
    Client, End, Failure, Out, Outcome,
    token::{self, Kept},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use std::path::Path;

pub(super) async fn sign_in(client: &Client, out: &Out, login: &str, password_file: Option<&Path>) -> Outcome {
    let file = token::file()?;
    let password = password(client, login, password_file)?;
    let mut body = json!({ "login": login, "password": password.expose_secret() });
    // A console of an earlier version would refuse a field that it does not know.
    if let Some(device) = token::device(&file, client.url(), login) {
        body["device"] = device.into();
    }
    let answer = client.post_openly("/session", &body).await?;
    let mut kept: Kept = serde_json::from_value(answer)
        .map_err(|error| Failure::Trouble(format!("the console speaks another version of the API than this program: {error}")))?;
    let (who, until) = (kept.login.clone(), kept.expires_at);
    if let Some(device) = kept.device.take() {
        token::keep_device(&file, client.url(), login, device)?;
    }
    token::keep(&file, client.url(), kept)?;
    out.say(format_args!(
        "Signed in at {} as {who}, until {until:.0} at the latest. The session is kept in {}.",
        client.url(),
        file.display()
    ));
    out.tell(&json!({ "login": who, "expires_at": until, "file": file }));
    Ok(End::Done)
}

fn password(client: &Client, login: &str, file: Option<&Path>) -> Result<SecretString, Failure> {
    match file {
        Some(file) => {
            let text = std::fs::read_to_string(file)
                .map_err(|error| Failure::Trouble(format!("cannot read --password-file {}: {error}", file.display())))?;
            Ok(text.strip_suffix('\n').unwrap_or(&text).trim_end_matches('\r').into())
        }
        None => rpassword::prompt_password(format!("Password of {login} at {}: ", client.url()))
            .map(SecretString::from)
            .map_err(|_| Failure::Trouble("there is no terminal to ask for the password: give --password-file".to_owned())),
    }
}

pub(super) async fn sign_out(client: &Client, out: &Out) -> Outcome {
    let file = token::file()?;
    if token::kept(&file, client.url())?.is_none() && std::env::var_os("SWITCHBACK_TOKEN").is_none() {
        out.say(format_args!("You are not signed in at {}.", client.url()));
        out.tell(&json!({ "signed_out": false }));
        return Ok(End::Done);
    }
    let ended = match client.end_session().await {
        // It had ended before.
        Err(Failure::SessionEnded(_)) => Ok(true),
        ended => ended,
    };
    // Whether or not the console could be told: here it is forgotten.
    token::forget(&file, client.url())?;
    let stored = ended?;
    out.say(format_args!("Signed out at {}.", client.url()));
    if !stored {
        out.say(format_args!(
            "Its store cannot be written at the moment, so this is not stored yet; the console goes on trying. If it is started again \
             before that, the session lives on until it ends by itself."
        ));
    }
    out.tell(&json!({ "signed_out": true, "stored": stored }));
    Ok(End::Done)
}
