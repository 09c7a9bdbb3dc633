//! Any text as a connection string: no panic, errors that repeat nothing of it, and a password that does not print.
#![no_main]

use libfuzzer_sys::fuzz_target;
use molt_db::Config;

fuzz_target!(|input: &str| {
    match input.parse::<Config>() {
        Ok(config) => {
            assert_eq!(input.parse(), Ok(config.clone()), "the same text is the same configuration");
            let printed = |password| format!("{:?}", config.clone().password(password));
            assert_eq!(printed(SECRET), printed("another"), "no password prints");
            let endpoints = config.endpoints();
            assert!(endpoints.len() >= config.get_hosts().len().max(1));
            assert!(endpoints.iter().all(|at| config.password_for(at).as_ref() == config.get_password()));
            if let Err(error) = config.validate() {
                assert!(error.option().is_some() && error.offset().is_none(), "{error}");
                assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
            }
        }
        Err(error) => {
            let printed = format!("{error} {error:?}");
            assert!(!printed.contains(SECRET), "{printed}");
            assert!(error.offset().is_none_or(|offset| offset <= input.len()));
        }
    }
});

const SECRET: &str = "hunter2";
