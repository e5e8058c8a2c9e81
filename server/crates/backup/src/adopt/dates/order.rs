//! In which order a folder writes its dates, told from those that can be read in one order only.

use jiff::civil::Date;

use super::PathDate;

/// Which number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Order {
    /// `21.11.2026`
    DayFirst,
    /// `11-21-2026`
    MonthFirst,
}

/// The order in which a folder writes its dates, told by those that can be read in one way only. A date that is still to
/// come is no reading. `None` where no date tells it, or where two of them contradict one another.
pub(in super::super) fn order_of(
    folder: impl IntoIterator<Item = PathDate>,
    today: Date,
) -> Option<Order> {
    let (mut day_first, mut month_first) = (false, false);
    for date in folder {
        let PathDate::Either {
            day_first: day,
            month_first: month,
            ..
        } = date
        else {
            continue;
        };
        let is_past = |date: Option<Date>| date.is_some_and(|date| date <= today);
        day_first |= is_past(day) && !is_past(month);
        month_first |= is_past(month) && !is_past(day);
    }
    match (day_first, month_first) {
        (true, false) => Some(Order::DayFirst),
        (false, true) => Some(Order::MonthFirst),
        (true, true) | (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::date_in_path;
    use super::*;
    use jiff::civil::date;

    fn order(paths: &[&str]) -> Option<Order> {
        order_of(
            paths.iter().map(|path| date_in_path(path)),
            date(2026, 11, 21),
        )
    }

    #[test]
    fn one_date_that_can_be_read_in_one_way_only_decides_for_all() {
        assert_eq!(
            order(&["04.05.2026.db", "13.05.2026.db"]),
            Some(Order::DayFirst)
        );
        assert_eq!(
            order(&["04-05-2026.db", "05-13-2026.db"]),
            Some(Order::MonthFirst)
        );
        // 12 October has been; 10 December is still to come.
        assert_eq!(order(&["12.10.2026.db"]), Some(Order::DayFirst));
        assert_eq!(order(&["04.05.2026.db", "05.04.2026.db"]), None);
        assert_eq!(order(&["13.05.2026.db", "05-13-2026.db"]), None);
        assert_eq!(order(&["2026-11-20.db"]), None);
        // One that a wrong clock has dated says nothing.
        assert_eq!(
            order(&["04.05.2026.db", "13.05.2026.db", "31.12.2027.db"]),
            Some(Order::DayFirst)
        );
    }
}
