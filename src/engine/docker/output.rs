//! Copies a program's outputs to the standard streams of this process, in order and as they come.
//!
//! The writes happen on a thread of their own: what reads this process's output may stop reading, and a signal must be
//! noticed all the same. Nothing here knows what the program is.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::thread;

use bollard::container::LogOutput;
use bollard::errors::Error as ClientError;
use futures_util::{Stream, StreamExt};
use tokio::sync::{mpsc, oneshot};

use super::client::Answer;
use super::errors::EXEC_REFUSED;

/// How many chunks may wait to be written. When they do, no more output is read from the engine.
const QUEUE: usize = 8;

/// How a program's output ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OutputEnd {
    /// The program closed it.
    Closed,
    /// The engine could not start the program, for this reason.
    NotStarted(String),
}

/// Which side broke while output was copied.
#[derive(Debug)]
pub(super) enum CopyError {
    Engine(ClientError),
    Write(io::Error),
}

/// Copies both outputs of a program until they end and everything is written.
pub(super) async fn copy(
    mut output: impl Stream<Item = Answer<LogOutput>> + Unpin,
    mut writer: OutputWriter,
) -> Result<OutputEnd, CopyError> {
    let mut first = true;
    loop {
        let chunk = tokio::select! {
            chunk = output.next() => chunk,
            error = writer.failure() => return Err(CopyError::Write(error)),
        };
        let Some(chunk) = chunk else {
            break;
        };
        let chunk = chunk.map_err(CopyError::Engine)?;
        let bytes = chunk.as_ref();
        if std::mem::take(&mut first) && bytes.starts_with(EXEC_REFUSED.as_bytes()) {
            let reason = String::from_utf8_lossy(bytes).into_owned();
            return Ok(OutputEnd::NotStarted(reason));
        }
        writer.write(chunk).await.map_err(CopyError::Write)?;
    }
    writer.finish().await.map_err(CopyError::Write)?;
    Ok(OutputEnd::Closed)
}

/// How many bytes are passed on before other work has its turn.
const TURN: usize = 64 << 10;

/// Passes the output of a program on as it comes, until it ends.
pub(super) async fn pass_on(
    mut output: impl Stream<Item = Answer<LogOutput>> + Unpin,
    on_output: &dyn Fn(&[u8]),
) -> Answer<OutputEnd> {
    let (mut first, mut passed) = (true, 0);
    while let Some(chunk) = output.next().await {
        let chunk = chunk?;
        let bytes = chunk.as_ref();
        if std::mem::take(&mut first) && bytes.starts_with(EXEC_REFUSED.as_bytes()) {
            let reason = String::from_utf8_lossy(bytes).into_owned();
            return Ok(OutputEnd::NotStarted(reason));
        }
        on_output(bytes);
        passed += bytes.len();
        // A program that never stops writing must not keep the rest from running.
        if passed > TURN {
            passed = 0;
            tokio::task::yield_now().await;
        }
    }
    Ok(OutputEnd::Closed)
}

/// A thread that writes to standard output and standard error. Dropping this does not wait for it.
pub(super) struct OutputWriter {
    chunks: mpsc::Sender<LogOutput>,
    /// Gets the result of the thread when it ends.
    ended: oneshot::Receiver<io::Result<()>>,
}

impl OutputWriter {
    /// Writes to the standard streams of this process.
    pub(super) fn standard() -> io::Result<Self> {
        // Not through the locks of the standard library: a write that does not end would hold them.
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let stderr = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        Self::new(stdout, stderr)
    }

    fn new(
        mut stdout: impl Write + Send + 'static,
        mut stderr: impl Write + Send + 'static,
    ) -> io::Result<Self> {
        let (chunks, mut queue) = mpsc::channel::<LogOutput>(QUEUE);
        let (result, ended) = oneshot::channel();
        thread::Builder::new().spawn(move || {
            let mut write = || {
                while let Some(chunk) = queue.blocking_recv() {
                    match &chunk {
                        LogOutput::StdErr { message } => stderr.write_all(message)?,
                        chunk => stdout.write_all(chunk.as_ref())?,
                    }
                }
                Ok(())
            };
            // Fails if the writer was dropped.
            let _ = result.send(write());
        })?;
        Ok(Self { chunks, ended })
    }

    /// Adds a chunk to the queue and waits while that is full.
    async fn write(&mut self, chunk: LogOutput) -> io::Result<()> {
        match self.chunks.send(chunk).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.failure().await),
        }
    }

    /// Waits until a write fails.
    async fn failure(&mut self) -> io::Error {
        match (&mut self.ended).await {
            Ok(Err(error)) => error,
            // The thread ends without an error only after the queue is closed.
            Ok(Ok(())) | Err(_) => io::ErrorKind::BrokenPipe.into(),
        }
    }

    /// Waits until everything is written.
    async fn finish(self) -> io::Result<()> {
        drop(self.chunks);
        self.ended.await.unwrap_or(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use std::io::Read;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    fn stdout(bytes: &[u8]) -> Answer<LogOutput> {
        Ok(LogOutput::StdOut {
            message: bytes.to_vec().into(),
        })
    }

    fn stderr(bytes: &[u8]) -> Answer<LogOutput> {
        Ok(LogOutput::StdErr {
            message: bytes.to_vec().into(),
        })
    }

    fn read_all(mut from: UnixStream) -> String {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    }

    #[tokio::test]
    async fn outputs_arrive_whole_in_order_and_apart() {
        let (out, out_reader) = UnixStream::pair().unwrap();
        let (err, err_reader) = UnixStream::pair().unwrap();
        let reading = thread::spawn(move || (read_all(out_reader), read_all(err_reader)));
        let numbers: Vec<String> = (0..200).map(|number| format!("{number}\n")).collect();
        let chunks = numbers.iter().map(|line| stdout(line.as_bytes()));
        let chunks = stream::iter(chunks.chain([stderr(b"oops\n")]));
        let ended = copy(chunks, OutputWriter::new(out, err).unwrap()).await;
        assert_eq!(ended.unwrap(), OutputEnd::Closed);
        let (out, err) = reading.join().unwrap();
        assert_eq!((out, err.as_str()), (numbers.concat(), "oops\n"));
    }

    /// Runs in a thread of its own, so that a blocked runtime is a failure and not a test that hangs.
    #[test]
    fn reader_that_does_not_read_blocks_neither_the_runtime_nor_a_signal() {
        let (result, stopped) = std::sync::mpsc::channel();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let (out, _reader) = UnixStream::pair().unwrap();
            let writer = OutputWriter::new(out, io::sink()).unwrap();
            let endless = stream::repeat_with(|| stdout(&[b'x'; 1 << 16]));
            let stopped = runtime.block_on(async {
                tokio::select! {
                    ended = copy(endless, writer) => format!("{ended:?}"),
                    () = tokio::time::sleep(Duration::from_millis(100)) => "stopped".to_owned(),
                }
            });
            result.send(stopped).unwrap();
        });
        let stopped = stopped.recv_timeout(Duration::from_secs(60));
        assert_eq!(stopped.as_deref(), Ok("stopped"));
    }

    #[tokio::test]
    async fn closed_pipe_ends_the_copy_while_the_program_is_silent() {
        let (out, reader) = UnixStream::pair().unwrap();
        drop(reader);
        let chunks = stream::iter([stdout(b"x")]).chain(stream::pending());
        let ended = copy(chunks, OutputWriter::new(out, io::sink()).unwrap()).await;
        let Err(CopyError::Write(error)) = ended else {
            panic!("{ended:?}");
        };
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[tokio::test]
    async fn message_of_the_engine_is_not_written() {
        let (out, reader) = UnixStream::pair().unwrap();
        let reason = "OCI runtime exec failed: exec: \"nope\": executable file not found";
        let chunks = stream::iter([stdout(reason.as_bytes())]);
        let ended = copy(chunks, OutputWriter::new(out, io::sink()).unwrap()).await;
        assert_eq!(ended.unwrap(), OutputEnd::NotStarted(reason.into()));
        assert_eq!(read_all(reader), "");
    }
}
