//! The command line on a real terminal: a pseudo-terminal whose other end an emulator reads, so that a test sees the
//! screen as a person does.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::AsFd as _;
use std::process::{Child, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;

use pty_process::Size;
use pty_process::blocking::{Command, Pty};
use regex::Regex;

use crate::lab::{Answer, Connect, WebLab};
use crate::program::{Home, LIMIT};

/// What no program prints.
const LAST: u8 = 0;

/// The program on a terminal of 40 lines.
struct Terminal {
    child: Child,
    pty: Arc<Pty>,
    /// The program's end of it.
    end: File,
    seen: Arc<Seen>,
    reading: Option<JoinHandle<()>>,
}

/// What has come, and what the screen looks like with it.
struct Seen {
    now: Mutex<Sight>,
    changed: Condvar,
}

struct Sight {
    emulator: vt100::Parser,
    raw: Vec<u8>,
    ended: bool,
}

impl Sight {
    /// All that has come. Not decoded as it comes: a character may come in two parts.
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.raw).into_owned()
    }
}

impl Terminal {
    fn start(columns: u16, arguments: &[&str]) -> Self {
        Self::with(columns, arguments, |command| command)
    }

    fn with(columns: u16, arguments: &[&str], adjust: impl FnOnce(Command) -> Command) -> Self {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(40, columns)).unwrap();
        let command = Command::new(env!("CARGO_BIN_EXE_linkwatch"))
            .args(arguments)
            // Nothing of where the test runs: a machine that builds sets CI, which asks for colour of any terminal.
            .env_clear()
            .env("TERM", "xterm-256color");
        let child = adjust(command).spawn_borrowed(&pts).unwrap();
        // Held open: what is still unread when the last end is closed may be lost.
        let end = pts.as_fd().try_clone_to_owned().unwrap().into();
        let pty = Arc::new(pty);
        let size = |lines| NonZeroU16::new(lines).unwrap();
        let seen = Arc::new(Seen {
            now: Mutex::new(Sight {
                emulator: vt100::Parser::new(size(40), size(columns), 0),
                raw: Vec::new(),
                ended: false,
            }),
            changed: Condvar::new(),
        });
        let reading = std::thread::spawn({
            let (pty, seen) = (Arc::clone(&pty), Arc::clone(&seen));
            move || read(&pty, &seen)
        });
        Self {
            child,
            pty,
            end,
            seen,
            reading: Some(reading),
        }
    }

    /// The screen once this holds of it.
    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        let shown = |sight: &Sight| sight.emulator.screen().contents();
        let waited = tokio::task::block_in_place(|| {
            let now = self.seen.now.lock().unwrap();
            self.seen
                .changed
                .wait_timeout_while(now, LIMIT, |sight| !holds(&shown(sight)) && !sight.ended)
                .unwrap()
        });
        let screen = shown(&waited.0);
        assert!(
            holds(&screen),
            "{what} was not seen on\n{screen}\nin {:?}",
            waited.0.text()
        );
        screen
    }

    /// Types; `\u{3}` is Ctrl-C.
    fn write(&self, keys: &str) {
        (&*self.pty).write_all(keys.as_bytes()).unwrap();
    }

    /// Waits for the end: the exit code, the screen, and all that has come.
    fn end(mut self) -> (Option<i32>, String, String) {
        tokio::task::block_in_place(|| {
            let code = self.child.wait().unwrap().code();
            // Behind all that the program has written.
            self.end.write_all(&[LAST]).unwrap();
            self.reading.take().unwrap().join().unwrap();
            let sight = self.seen.now.lock().unwrap();
            let screen = sight.emulator.screen();
            assert!(!screen.hide_cursor() && !screen.alternate_screen());
            assert_eq!(
                screen.cursor_position().1,
                0,
                "it ends with a whole line: {:?}",
                sight.text()
            );
            (code, screen.contents(), sight.text())
        })
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that has ended cannot be killed, and need not be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads until the byte that stands behind everything.
fn read(mut pty: &Pty, seen: &Seen) {
    let mut buffer = [0; 4096];
    loop {
        let count = pty.read(&mut buffer).unwrap_or(0);
        let last = buffer[..count].iter().position(|byte| *byte == LAST);
        let bytes = &buffer[..last.unwrap_or(count)];
        let mut now = seen.now.lock().unwrap();
        now.emulator.process(bytes);
        now.raw.extend_from_slice(bytes);
        now.ended = count == 0 || last.is_some();
        seen.changed.notify_all();
        if now.ended {
            return;
        }
    }
}

/// Ten endpoints of which nine answer; the last keeps its probe waiting until it is let go.
struct NineAndOne {
    _nine: WebLab,
    one: WebLab,
    home: Home,
}

impl NineAndOne {
    async fn start() -> Self {
        let nine = WebLab::plain().answer(Answer::status(200)).start().await;
        let one = WebLab::plain().answer(Answer::Stall).start().await;
        let mut hosts: Vec<String> = (0..9).map(|number| nine.url(&format!("/{number}"))).collect();
        hosts.push(one.url("/9"));
        let home = Home::new(&format!(
            "global: {{timeout: 60s, interval: 60s}}\ngroups:\n  - {{name: shop, endpoint_name: \"{{url}}\", hosts: {hosts:?}}}\n",
        ));
        Self {
            _nine: nine,
            one,
            home,
        }
    }

    /// Ends the wait of the last, and of whoever asks it again.
    async fn let_go(&self) {
        self.one.answer(Answer::CloseBeforeHead);
        self.one.connect(Connect::Accept).await;
    }
}

fn is_bar(screen: &str) -> bool {
    let bar = Regex::new(r"[█░]{8,} \d+ of 10 checked, \d+ not as they").unwrap();
    bar.is_match(screen)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bar_shows_how_far_a_long_check_is_and_gives_way_to_the_table() {
    let fleet = NineAndOne::start().await;
    let file = fleet.home.config_file();
    let arguments = ["check", "--config.file", file.to_str().unwrap(), "--details=0"];
    let terminal = Terminal::start(100, &arguments);
    let screen = terminal.until("the bar", is_bar);
    assert_eq!(screen.trim_end().lines().count(), 1, "{screen}");
    fleet.let_go().await;
    let (code, screen, raw) = terminal.end();
    assert_eq!(code, Some(1));
    assert!(screen.starts_with("STATE     NAME"), "{screen}");
    assert!(
        screen.contains("9 of 10 endpoints are as they should be"),
        "{screen}"
    );
    assert!(!screen.contains("checked"), "{screen}");
    assert!(raw.contains("\u{1b}[31m") || raw.contains("\u{1b}[1m"), "{raw:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bar_keeps_to_the_terminal_while_the_table_goes_into_a_pipe() {
    let fleet = NineAndOne::start().await;
    let file = fleet.home.config_file();
    let arguments = ["check", "--config.file", file.to_str().unwrap(), "--details=0"];
    let mut terminal = Terminal::with(100, &arguments, |command| command.stdout(Stdio::piped()));
    let mut piped = terminal.child.stdout.take().unwrap();
    terminal.until("the bar", is_bar);
    fleet.let_go().await;
    let mut text = String::new();
    tokio::task::block_in_place(|| piped.read_to_string(&mut text)).unwrap();
    let (code, screen, _) = terminal.end();
    assert_eq!((code, screen.as_str()), (Some(1), ""), "the bar is gone");
    assert!(
        text.starts_with("STATE     NAME") && !text.contains('\u{1b}'),
        "{text}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn no_color_is_obeyed_and_nothing_of_the_bar_is_left_without_colour_either() {
    let fleet = NineAndOne::start().await;
    let file = fleet.home.config_file();
    let arguments = ["check", "--config.file", file.to_str().unwrap(), "--details=0"];
    let terminal = Terminal::with(100, &arguments, |command| command.env("NO_COLOR", "1"));
    terminal.until("the bar", is_bar);
    fleet.let_go().await;
    let (_, screen, raw) = terminal.end();
    assert!(
        screen.starts_with("STATE     NAME") && !screen.contains("checked"),
        "{screen}"
    );
    let colour = Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    assert!(!colour.is_match(&raw), "{raw:?}");

    let dumb = Terminal::with(100, &arguments, |command| command.env("TERM", "dumb"));
    let (_, _, raw) = dumb.end();
    assert!(!raw.contains('\u{1b}') && !raw.contains("checked"), "{raw:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_columns_are_enough_for_bar_table_and_report() {
    let fleet = NineAndOne::start().await;
    let file = fleet.home.config_file();
    let terminal = Terminal::start(60, &["check", "--config.file", file.to_str().unwrap()]);
    let screen = terminal.until("the bar", is_bar);
    assert_eq!(screen.trim_end().lines().count(), 1, "it does not wrap: {screen}");
    fleet.let_go().await;
    let (_, screen, raw) = terminal.end();
    assert!(!screen.contains("checked"), "{screen}");
    let bare = Regex::new("\u{1b}\\[[0-9;]*[mK]").unwrap();
    let bare = bare.replace_all(&raw, "");
    let table = bare.split_once("STATE").unwrap().1;
    for line in table.lines().skip(1) {
        let shown = line.trim_end_matches('\r').chars().count();
        assert!(shown <= 60, "{shown} columns: {line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_is_interrupted_takes_its_bar_away_and_says_how_far_it_was() {
    let fleet = NineAndOne::start().await;
    let file = fleet.home.config_file();
    let terminal = Terminal::start(100, &["check", "--config.file", file.to_str().unwrap()]);
    terminal.until("the bar", is_bar);
    terminal.write("\u{3}");
    let (code, screen, _) = terminal.end();
    assert_eq!(code, Some(3), "nothing could be told");
    let line = Regex::new(r"(?m)^(\^C)?linkwatch: stopped: \d of 10 were checked, nothing is told of them$")
        .unwrap();
    assert!(line.is_match(screen.trim_end()), "{screen}");
    assert!(!is_bar(&screen), "{screen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn watching_draws_one_live_line_over_itself_and_leaves_none_behind() {
    for columns in [100, 60, 30] {
        let site = WebLab::plain().answer(Answer::status(200)).start().await;
        let url = site.url("/");
        let terminal = Terminal::start(columns, &["check", &url, "--watch", "--interval=50ms"]);
        // A round number would not fit into 30 columns.
        let round = Regex::new(if columns < 60 {
            "1 ok  r"
        } else {
            r"1 ok  round ([3-9]|\d\d)"
        })
        .unwrap();
        let live = |screen: &str| screen.lines().filter(|line| line.contains("1 ok  r")).count();
        let screen = terminal.until("a live line", |screen| round.is_match(screen));
        assert_eq!(live(&screen), 1, "{screen}");
        site.answer(Answer::status(503));
        let screen = terminal.until("the change", |screen| {
            screen.contains("http_status") && screen.contains("1 down")
        });
        assert!(
            live(&screen) == 0 && screen.matches("1 down").count() == 1,
            "{screen}"
        );
        terminal.write("\u{3}");
        let (code, screen, _) = terminal.end();
        assert_eq!(code, Some(1));
        assert!(!screen.contains("1 down"), "the live line is gone: {screen}");
        assert!(
            screen.contains("  ok  ") && screen.contains("http_status"),
            "{screen}"
        );
    }
}
