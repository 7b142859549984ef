//! Runs commands of the project's own: hooks, a backup, a URL that is fetched.

use std::io::{Read, Write};
use std::process::{self, Child, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::config::Command;
use crate::error::{Error, ErrorKind, Result};

/// Pause between two looks at whether a command has ended.
const POLL: Duration = Duration::from_millis(20);
/// Longest part of a command's complaint that is shown.
const SHOWN: usize = 2000;

/// What a command gets.
#[derive(Debug, Default)]
pub struct Input<'a> {
    /// Text on standard input.
    pub text: &'a str,
    /// Variables beside those of trueup itself.
    pub variables: Vec<(&'static str, String)>,
    /// Variables that it must not inherit.
    pub without: &'a [&'a str],
}

/// Runs a command and returns its standard output.
pub fn run(command: &Command, input: &Input, limit: Option<Duration>) -> Result<String> {
    let mut command = program(command)?;
    for name in input.without {
        command.env_remove(name);
    }
    command
        .envs(input.variables.iter().map(|(name, value)| (*name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|error| Error::io("start the command", &error))?;
    if let Some(mut stdin) = child.stdin.take() {
        let text = input.text.to_owned();
        // A command that reads nothing must not block, nor fail for it.
        thread::spawn(move || {
            let _ = stdin.write_all(text.as_bytes());
        });
    }
    let (out, err) = (drain(child.stdout.take()), drain(child.stderr.take()));
    let status = wait(&mut child, limit)?;
    let patience = Duration::from_secs(2);
    let read = |from: &mpsc::Receiver<String>| from.recv_timeout(patience).unwrap_or_default();
    if status.success() {
        return Ok(read(&out));
    }
    let code = status
        .code()
        .map_or("a signal".to_owned(), |code| format!("exit code {code}"));
    let complaint = read(&err);
    let error = Error::new(ErrorKind::Usage, format!("the command ended with {code}"));
    Err(tail(&complaint).lines().fold(error, Error::detail))
}

fn program(command: &Command) -> Result<process::Command> {
    Ok(match command {
        Command::Line(line) => {
            let mut shell = process::Command::new("sh");
            shell.args(["-c", line]);
            shell
        }
        Command::Words(words) => {
            let (name, rest) = words
                .split_first()
                .ok_or_else(|| Error::usage("the command is empty").hint("Write a program and its arguments."))?;
            let mut program = process::Command::new(name);
            program.args(rest);
            program
        }
    })
}

/// Reads a pipe to its end beside the wait; what outlives the command may hold it open, and is not waited for.
fn drain(pipe: Option<impl Read + Send + 'static>) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            let _ = pipe.read_to_end(&mut bytes);
        }
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

fn wait(child: &mut Child, limit: Option<Duration>) -> Result<process::ExitStatus> {
    let started = Instant::now();
    let doing = "wait for the command";
    loop {
        if let Some(status) = child.try_wait().map_err(|error| Error::io(doing, &error))? {
            return Ok(status);
        }
        if let Some(limit) = limit.filter(|limit| started.elapsed() >= *limit) {
            // It may have ended just now.
            let _ = child.kill();
            let _ = child.wait();
            let message = format!("the command did not end within {:.0} s", limit.as_secs_f64());
            return Err(Error::usage(message).hint("Make it faster, or give it more time with `timeout`."));
        }
        thread::sleep(POLL);
    }
}

fn tail(text: &str) -> &str {
    let text = text.trim_end();
    let mut start = text.len().saturating_sub(SHOWN);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    &text[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str) -> Command {
        Command::Line(text.to_owned())
    }

    #[test]
    fn input_output_and_failure() {
        let input = Input {
            text: "plan",
            variables: vec![("TRUEUP_WORD", "word".to_owned())],
            without: &[],
        };
        assert_eq!(
            run(&line("cat; echo $TRUEUP_WORD"), &input, None).unwrap(),
            "planword\n"
        );
        let words = Command::Words(vec!["echo".to_owned(), "a b".to_owned()]);
        assert_eq!(run(&words, &input, None).unwrap(), "a b\n");
        let error = run(&line("echo no >&2; exit 7"), &input, None).unwrap_err();
        assert_eq!(error.message, "the command ended with exit code 7");
        assert_eq!(error.detail, ["no"]);
        assert!(run(&Command::Words(Vec::new()), &input, None).is_err());
        assert!(run(&Command::Words(vec!["/nowhere".to_owned()]), &input, None).is_err());
    }

    #[test]
    fn a_command_that_does_not_end() {
        let limit = Some(Duration::from_millis(50));
        let error = run(&line("exec sleep 600"), &Input::default(), limit).unwrap_err();
        assert!(error.message.contains("did not end within"));
    }
}
