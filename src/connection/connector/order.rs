use super::random;
use crate::config::LoadBalanceHosts;
use crate::error::ConnectCause;

/// Brings hosts, or the addresses of one, into the order in which they are tried.
pub(super) fn arrange<T>(list: &mut [T], order: LoadBalanceHosts) -> Result<(), ConnectCause> {
    match order {
        LoadBalanceHosts::Disable => Ok(()),
        LoadBalanceHosts::Random => shuffle(list, || random().map(u64::from_ne_bytes)),
    }
}

/// Every order is as likely as any other: an element takes one of the places up to its own.
// Knuth, The Art of Computer Programming, volume 2, §3.4.2
fn shuffle<T>(
    list: &mut [T],
    mut random: impl FnMut() -> Result<u64, ConnectCause>,
) -> Result<(), ConnectCause> {
    for (own, places) in (0..list.len()).zip(1_u64..).skip(1) {
        let place = usize::try_from(random()? % places).unwrap_or(own);
        list.swap(own, place);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_order_given_stays() {
        let mut list = [1, 2, 3];
        arrange(&mut list, LoadBalanceHosts::Disable).unwrap();
        assert_eq!(list, [1, 2, 3]);
    }

    #[test]
    fn every_order_comes_as_often_as_any_other() {
        let mut counts = BTreeMap::new();
        for choice in 0..6_u64 {
            let mut list = [1, 2, 3];
            let mut random = [choice % 2, choice / 2].into_iter();
            shuffle(&mut list, || Ok(random.next().unwrap())).unwrap();
            *counts.entry(list).or_insert(0) += 1;
        }
        assert_eq!(counts.into_values().collect::<Vec<_>>(), [1; 6]);
    }

    #[test]
    fn nothing_is_lost_and_the_system_has_randomness() {
        for length in 0..10 {
            let mut list: Vec<_> = (0..length).collect();
            arrange(&mut list, LoadBalanceHosts::Random).unwrap();
            list.sort_unstable();
            assert!(list.into_iter().eq(0..length));
        }
        // Of 10! orders one.
        let ordered: Vec<_> = (0..10).collect();
        let mut list = ordered.clone();
        let changed = (0..3).any(|_| {
            arrange(&mut list, LoadBalanceHosts::Random).unwrap();
            list != ordered
        });
        assert!(changed);
    }
}
