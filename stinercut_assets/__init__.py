"""Dagster's definitions of what is made: partitions, assets, checks, jobs and resources.

Owns: thin Dagster code over functions of `stinercut`, and what Dagster shows of them (groups, descriptions,
metadata). Not here: when something is made (`sensors`), how footage is treated (`stinercut.films`), pages (`hub`).

    card -> card_sessions            which jumps a card's new files belong to [partition: card]
    jump -> imported_files           the jump's files, checked                [partition: jump]
         -> qr_identity              whose jump it is, and how that is known
         -> title_and_outro          the title with the passenger's name, and the outro
         -> session_clips            one segment per video, in parallel
         -> rendered_video           the film, published once it passed its checks
"""
