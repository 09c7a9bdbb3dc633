//! Running other programs.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

use crate::error::KitError;

/// Runs a program to its end and returns what it printed to its standard output.
pub(crate) fn output(command: &mut Command) -> Result<String, KitError> {
    fed(command, "")
}

/// Like [`output`], with `input` on the program's standard input.
pub(crate) fn fed(command: &mut Command, input: &str) -> Result<String, KitError> {
    let program = name(command);
    let failed = |output: String| KitError::Command { program: program.clone(), output };
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    if let Some(mut stdin) = child.stdin.take()
        && let Err(error) = stdin.write_all(input.as_bytes())
        // A program that ended early says why on its standard error.
        && error.kind() != ErrorKind::BrokenPipe
    {
        return Err(failed(error.to_string()));
    }
    let output = child.wait_with_output().map_err(|error| failed(error.to_string()))?;
    let printed = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(printed);
    }
    Err(failed(format!("{} {}{printed}", output.status, String::from_utf8_lossy(&output.stderr))))
}

fn name(command: &Command) -> String {
    let mut name = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        name.push(' ');
        name.push_str(&argument.to_string_lossy());
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_program_prints_is_returned() {
        assert_eq!(fed(&mut Command::new("cat"), "in and out").unwrap(), "in and out");
    }

    #[test]
    fn a_failure_names_the_program_and_what_it_said() {
        let error = output(Command::new("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err().to_string();
        assert!(error.contains("sh -c") && error.contains("why") && error.contains('3'), "{error}");
    }

    #[test]
    fn a_program_that_does_not_exist_is_an_error() {
        assert!(output(&mut Command::new("/no/such/program")).is_err());
    }
}
