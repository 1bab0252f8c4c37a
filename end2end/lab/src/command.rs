//! Running the system's helper programs.

use std::process::{Command, Stdio};

use crate::error::{Doing, LabError, Result};

/// The command line, for messages.
fn line(program: &str, args: &[&str]) -> String {
    let mut line = program.to_owned();
    for arg in args {
        line.push(' ');
        line.push_str(arg);
    }
    line
}

/// Runs a program to its end and returns what it wrote to standard output.
pub(crate) fn run(program: &str, args: &[&str]) -> Result<String> {
    run_with_input(program, args, "")
}

/// Runs a program with the given standard input.
pub(crate) fn run_with_input(program: &str, args: &[&str], input: &str) -> Result<String> {
    let mut command = Command::new(program);
    command.args(args);
    finish(command, input, &line(program, args))
}

/// Runs a prepared command with the given standard input.
pub(crate) fn finish(mut command: Command, input: &str, line: &str) -> Result<String> {
    use std::io::Write;
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().doing(|| format!("starting `{line}`"))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that does not read its input closes the pipe; how it ends says more than that.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().doing(|| format!("waiting for `{line}`"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let said: Vec<&str> = said.trim().lines().rev().take(4).collect();
    Err(LabError::Command { command: line.to_owned(), said: said.into_iter().rev().collect::<Vec<_>>().join(" / ") })
}
