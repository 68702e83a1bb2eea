//! What is on the other side: a terminal that can show a bar and colours, or a file, or nobody.

use std::io::{self, IsTerminal, Write, stderr, stdout};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

/// What went well.
pub const GOOD: Style = AnsiColor::Green.on_default();
/// What failed.
pub const BAD: Style = AnsiColor::Red.on_default().bold();
/// What one should know, and might not expect.
pub const NOTICE: Style = AnsiColor::Yellow.on_default();
/// What one looks for first.
pub const STRONG: Style = Style::new().bold();

/// Where a command writes: `Stdout`, or `Vec<u8>`.
pub type Output = dyn Write + 'static;

/// What stdout and stderr can show beside text.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    pub(super) progress: Progress,
    out: ColorChoice,
    err: ColorChoice,
}

impl Terminal {
    /// None: files, or pipes.
    pub const NONE: Self = Self { progress: Progress::Hidden, out: ColorChoice::Never, err: ColorChoice::Never };

    /// That of this process: colours as `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE`, `TERM` and `CI` have it.
    pub fn of_process() -> Self {
        Self {
            progress: if stderr().is_terminal() { Progress::Bar } else { Progress::Hidden },
            out: AutoStream::choice(&stdout()),
            err: AutoStream::choice(&stderr()),
        }
    }

    /// Both outputs, from which colours are taken that nobody is there to see.
    pub(super) fn dress<'o>(self, out: &'o mut Output, err: &'o mut Output) -> [impl Write + use<'o>; 2] {
        [AutoStream::new(out, self.out), AutoStream::new(err, self.err)]
    }
}

/// Whether a terminal is there to show a bar on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Draw one on stderr.
    Bar,
    /// Draw none.
    Hidden,
}

impl Progress {
    /// Characters in a line of the terminal that stdout, or else stderr, is; none where nobody watches.
    pub fn width(self) -> Option<usize> {
        let terminal_size::Width(width) = match self {
            Self::Bar => terminal_size::terminal_size()?.0,
            Self::Hidden => return None,
        };
        Some(usize::from(width))
    }
}

/// An output that falls silent when its reader goes away (`| head`): what is written for goes on.
pub struct UntilClosed<'o>(Option<&'o mut dyn Write>);

impl<'o> UntilClosed<'o> {
    pub fn new(out: &'o mut dyn Write) -> Self {
        Self(Some(out))
    }

    fn unless_closed<T>(&mut self, otherwise: T, write: impl FnOnce(&mut dyn Write) -> io::Result<T>) -> io::Result<T> {
        let Some(out) = &mut self.0 else { return Ok(otherwise) };
        match write(out) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.0 = None;
                Ok(otherwise)
            }
            other => other,
        }
    }
}

impl Write for UntilClosed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.unless_closed(bytes.len(), |out| out.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.unless_closed((), |out| out.flush())
    }
}
