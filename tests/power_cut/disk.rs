//! What a power cut can leave of a file.

use super::recorder::Event;

const PAGE: usize = 4096;

/// What becomes of writes that were not synced.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Losing {
    /// All of them are gone.
    All,
    /// Those into the durable length are there, and the file has not grown: a file system had
    /// written the data, and its log had not the new extents.
    Growth,
    /// Any pages are there.
    Pages,
}

/// A disk that events happen to.
#[derive(Default)]
pub struct Disk {
    durable: Vec<u8>,
    /// Events that are not durable yet, by their numbers.
    pending: Vec<usize>,
}

impl Disk {
    pub fn new(durable: Vec<u8>) -> Self {
        Self { durable, pending: Vec::new() }
    }

    /// The event of that number happens.
    pub fn take(&mut self, events: &[Event], number: usize) {
        match &events[number] {
            Event::Written { .. } | Event::Length(_) => self.pending.push(number),
            Event::Synced(before) => {
                let synced = self.pending.extract_if(.., |pending| *pending < *before);
                synced.for_each(|number| apply(&mut self.durable, &events[number], |_| true));
            }
            Event::Said(_) => {}
        }
    }

    /// Whether a write that grows the file and one into what was there are both not durable: when
    /// the new places are lost and the old ones are overwritten, nothing holds what both held.
    pub fn may_tear(&self, events: &[Event]) -> bool {
        let length = self.durable.len() as u64;
        let places = || {
            self.pending.iter().filter_map(|number| match &events[*number] {
                Event::Written { at, bytes } => Some(*at..*at + bytes.len() as u64),
                _ => None,
            })
        };
        places().any(|place| place.end > length) && places().any(|place| place.start < length)
    }

    /// The file after a power cut.
    pub fn cut(&self, events: &[Event], losing: Losing, mut coin: impl FnMut() -> bool) -> Vec<u8> {
        let mut left = self.durable.clone();
        for number in &self.pending {
            match losing {
                Losing::All => {}
                Losing::Growth => apply(&mut left, &events[*number], |_| true),
                Losing::Pages => apply(&mut left, &events[*number], |_| coin()),
            }
        }
        if losing == Losing::Growth {
            left.truncate(self.durable.len());
        }
        left
    }
}

fn apply(file: &mut Vec<u8>, event: &Event, mut keeps: impl FnMut(usize) -> bool) {
    match event {
        Event::Length(length) => file.resize(*length as usize, 0),
        Event::Written { at, bytes } => {
            let at = *at as usize;
            let mut done = 0;
            while done < bytes.len() {
                let page = (at + done) / PAGE;
                let end = bytes.len().min((page + 1) * PAGE - at);
                if keeps(page) {
                    file.resize(file.len().max(at + end), 0);
                    file[at + done..at + end].copy_from_slice(&bytes[done..end]);
                }
                done = end;
            }
        }
        Event::Synced(_) | Event::Said(_) => {}
    }
}
