//! Any text as a connection string: no panic, errors that repeat nothing of it, and a password that does not print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db::Config;

fuzz_target!(|input: &str| {
    match input.parse::<Config>() {
        Ok(config) => {
            assert_eq!(input.parse(), Ok(config.clone()), "the same text is the same configuration");
            let printed = format!("{:?}", config.password(SECRET));
            assert!(input.contains(SECRET) || !printed.contains(SECRET), "{printed}");
        }
        Err(error) => {
            let printed = format!("{error} {error:?}");
            assert!(!printed.contains(SECRET), "{printed}");
            assert!(error.offset().is_none_or(|offset| offset <= input.len()));
        }
    }
});

const SECRET: &str = "hunter2";
