// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAlliance} from "./interfaces/IAlliance.sol";
import {ICalendar} from "./interfaces/ICalendar.sol";
import {MembersOnly} from "./MembersOnly.sol";
import {Succession} from "./Succession.sol";

/// @title The working days, year by year
contract Calendar is ICalendar, Succession {
    uint64 private constant DAY = 1 days;
    /// @dev Beijing is ahead of UTC, and has no summer time
    uint64 private constant AHEAD = 8 hours;
    uint16 private constant FIRST_YEAR = 2025;
    uint16 private constant LAST_YEAR = 2200;
    /// @dev A year has about 250: neither a slip nor a vote makes claims wait for ever, or examinations last no time
    uint256 private constant LEAST_WORKING_DAYS = 200;
    uint256 private constant MOST_WORKING_DAYS = 300;

    struct Page {
        uint64 word;
        uint256 voted;
        uint256 working;
    }

    /// @dev One bit for each day since 1970, 256 to a word: whether the members decided on it, and what
    mapping(uint256 word => uint256) private _voted;
    mapping(uint256 word => uint256) private _working;

    /// @param alliance whose votes change the calendar
    constructor(IAlliance alliance) MembersOnly(alliance) {}

    /// @inheritdoc ICalendar
    function check(uint16 year, uint256 early, uint256 late) external view {
        _check(year, early, late);
    }

    /// @inheritdoc ICalendar
    function set(uint16 year, uint256 early, uint256 late) external {
        if (msg.sender != address(ALLIANCE)) revert CalendarNotAlliance(msg.sender);
        _requireInForce();
        _check(year, early, late);
        (uint64 first, uint64 length) = _span(year);
        uint64 tomorrow = _dayOf(uint64(block.timestamp)) + 1;
        Page memory page = _page(first >> 8);
        for (uint64 day = first; day < tomorrow && day < first + length; ++day) {
            if (page.word != day >> 8) page = _page(day >> 8);
            (early, late) = _with(early, late, day - first, _isWorking(page, day));
        }
        for (uint64 word = first >> 8; word << 8 < first + length; ++word) {
            uint256 changing = _changing(first, length, word, tomorrow);
            _voted[word] |= changing;
            _working[word] = (_working[word] & ~changing) | (_slice(early, late, first, word) & changing);
        }
        emit CalendarSet(year, early, late);
    }

    /// @inheritdoc ICalendar
    function isWorkingDay(uint64 day) external view returns (bool) {
        return _isWorking(_page(day >> 8), day);
    }

    /// @inheritdoc ICalendar
    function decided(uint64 word) external view returns (uint256 voted, uint256 working) {
        Page memory page = _page(word);
        return (page.voted, page.working);
    }

    /// @inheritdoc ICalendar
    function addWorkingDays(uint64 time, uint8 count) external view returns (uint64 end) {
        uint64 day = _dayOf(time);
        uint64 last = day + 30 + 4 * uint64(count);
        Page memory page = _page(day >> 8);
        while (count != 0 && day != last) {
            ++day;
            if (page.word != day >> 8) page = _page(day >> 8);
            if (_isWorking(page, day)) --count;
        }
        return (day + 1) * DAY - AHEAD;
    }

    function _check(uint16 year, uint256 early, uint256 late) private view {
        if (year < FIRST_YEAR || year > LAST_YEAR) revert CalendarMalformedYear(year);
        (uint64 first, uint64 length) = _span(year);
        uint256 working = _count(early) + _count(late);
        if (late >> (length - 256) != 0 || working < LEAST_WORKING_DAYS || working > MOST_WORKING_DAYS) {
            revert CalendarMalformedYear(year);
        }
        uint64 tomorrow = _dayOf(uint64(block.timestamp)) + 1;
        for (uint64 word = first >> 8; word << 8 < first + length; ++word) {
            uint256 changing = _changing(first, length, word, tomorrow);
            Page memory page = _page(word);
            uint256 same = page.voted & ~(page.working ^ _slice(early, late, first, word));
            if (changing & ~same != 0) return;
        }
        revert CalendarUnchanged(year);
    }

    /// @return what was decided on 256 days, by this contract or those before it
    function _page(uint64 word) private view returns (Page memory) {
        (uint256 voted, uint256 working) = (_voted[word], _working[word]);
        address before = _predecessor();
        if (before != address(0)) {
            (uint256 earlierVoted, uint256 earlierWorking) = ICalendar(before).decided(word);
            working |= earlierWorking & ~voted;
            voted |= earlierVoted;
        }
        return Page(word, voted, working);
    }

    function _isWorking(Page memory page, uint64 day) private pure returns (bool) {
        uint256 bit = 1 << (day & 255);
        // 1 January 1970 was a Thursday
        return page.voted & bit != 0 ? page.working & bit != 0 : (day + 3) % 7 < 5;
    }

    /// @return bits of the year's days in a word that are tomorrow or later
    function _changing(uint64 first, uint64 length, uint64 word, uint64 tomorrow) private pure returns (uint256) {
        uint256 year = _slice(type(uint256).max, (1 << (length - 256)) - 1, first, word);
        if (tomorrow <= word << 8) return year;
        uint64 past = tomorrow - (word << 8);
        return past > 255 ? 0 : (year >> past) << past;
    }

    /// @return what a year's two words put into a word that counts from 1970
    function _slice(uint256 early, uint256 late, uint64 first, uint64 word) private pure returns (uint256) {
        uint64 start = word << 8;
        if (start < first) return early << (first - start);
        uint64 place = start - first;
        if (place >= 256) return late >> (place - 256);
        return place == 0 ? early : (early >> place) | (late << (256 - place));
    }

    function _with(uint256 early, uint256 late, uint64 place, bool isWorking)
        private
        pure
        returns (uint256, uint256)
    {
        uint256 bit = 1 << (place & 255);
        if (place < 256) return (isWorking ? early | bit : early & ~bit, late);
        return (early, isWorking ? late | bit : late & ~bit);
    }

    function _count(uint256 bits) private pure returns (uint256 count) {
        for (; bits != 0; bits &= bits - 1) ++count;
    }

    function _span(uint16 year) private pure returns (uint64 first, uint64 length) {
        first = _firstDay(year);
        length = _firstDay(year + 1) - first;
    }

    function _dayOf(uint64 time) private pure returns (uint64) {
        return (time + AHEAD) / DAY;
    }

    /// @dev 1 January; counts the leap years since 1970
    function _firstDay(uint16 year) private pure returns (uint64) {
        uint64 before = uint64(year) - 1;
        return 365 * (uint64(year) - 1970) + (before / 4 - before / 100 + before / 400) - 477;
    }

    /// @inheritdoc Succession
    function _bookName() internal pure override returns (bytes32) {
        return "Calendar";
    }
}
